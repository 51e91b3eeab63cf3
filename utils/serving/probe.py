"""What a server serves, and which requests it takes; checked before anything is written or sampled.

Servers differ in what they take: prompts as token ids or as text alone, ids given back or not, and which top-k
means "all tokens". One completion of a few tokens tells. Model, tokenizer and context are compared with ours, since
samples of another model would pass for this one's.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from utils.model.tokens import ROUND_TRIP, TokenizerPolicy
from utils.run.files import Failure, InputError
from utils.serving.endpoint import Endpoint, Fault, Refused

T = TypeVar("T")

PROBE = "".join(ROUND_TRIP)  # several scripts, digits, tabs and double spaces: counts alone tell tokenizers apart
PROBE_TOKENS = 8
FEW = 4  # stop words that servers take if they do not take all
NEVER = tuple(f"\n<{word}\n>" for word in range(4 * FEW))  # stop words that do not come
UNFINISHED = "\ufffd"  # a character whose last bytes are still to come
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between two tries
VERSIONS = ("/version", "/server_info", "/get_server_info", "/props", "/info")  # vLLM, SGLang, llama.cpp, TGI


@dataclass(frozen=True)
class Served:
    """A server's names of its model, engine and version, and which requests it takes."""

    url: str
    model: str
    engine: str
    version: str
    context: int | None  # tokens of prompt and completion; None: it does not say
    takes_ids: bool = True
    gives_ids: bool = True
    all_tokens: int = -1  # its top-k for no limit
    stop_words: int | None = None  # most that it takes; the others cut completions here

    @property
    def record(self) -> dict:
        """What meta files hold."""
        return {"engine": self.engine, "version": self.version, "model": self.model, "token_ids": self.takes_ids}

    def body(self, prompt: list[int] | str, drawn: dict) -> dict:
        """A request for a completion. Gives every setting that matters: servers differ in their defaults."""
        plain = {"min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "n": 1}
        extra = {"return_token_ids": True} if self.gives_ids else {}
        if self.engine == "llamacpp":  # its temperature would come last, after top-p
            extra["samplers"] = ["temperature", "top_k", "top_p"]
        return {"model": self.model, "prompt": prompt, **plain, **extra, **drawn}


def look_at(url: str, name: str, policy: TokenizerPolicy, longest: int, patience: float) -> Served:
    """What stands behind a URL; `longest` is how many tokens a prompt and its completion may have.

    InputError where it serves another model than `name`, has another tokenizer or a shorter context; Failure where it
    does not answer for `patience` seconds.
    """
    endpoint = Endpoint(url, patience / 2)
    try:
        listed = patiently(lambda: endpoint.get(f"{endpoint.path}/models"), url, patience)
        model = _model(url, name, listed)
        context = model.get("max_model_len")
        if isinstance(context, int) and context < longest:
            raise InputError(
                f"--base_url {url}: its context of {context} tokens is shorter than --max_length and --max_new_tokens "
                f"together, {longest}; give smaller ones, or serve the model with a longer context"
            )
        served = Served(url, model["id"], str(model.get("owned_by") or "unknown"), _version(endpoint), context)
        way = patiently(lambda: _dialect(endpoint, served, policy), url, patience)
    except Refused as refusal:
        raise InputError(f"--base_url {url}: {refusal}; is it the base URL of an OpenAI server?") from None
    if way.stop_words is not None:
        print(
            f"{url}: takes {FEW} stop words alone, so some completions run on for longer; vLLM takes more "
            "with VLLM_MAX_STOP_STRINGS=64",
            file=sys.stderr,
        )
    return way


def patiently(call: Callable[[], T], url: str, patience: float) -> T:
    """What `call` returns, tried again while it faults; Failure after `patience` seconds."""
    until, wait = time.monotonic() + patience, FIRST_WAIT
    while True:
        try:
            return call()
        except Fault as fault:
            wait = max(wait, fault.wait)
            if time.monotonic() + wait > until:
                raise Failure(f"--base_url {url}: {fault}, for --server_patience {patience:g} s") from None
            print(f"{url}: {fault}; trying again in {wait:g} s", file=sys.stderr, flush=True)
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)


def _model(url: str, name: str, listed: dict | list) -> dict:
    """The entry of the model called `name` in the server's list, where folders and file endings do not count."""
    rows = listed.get("data") if isinstance(listed, dict) else None
    rows = [row for row in rows or [] if isinstance(row, dict) and isinstance(row.get("id"), str)]
    for row in rows:
        if _short(name) in {_short(str(row[key])) for key in ("id", "root") if row.get(key)}:
            return row
    names = ", ".join(row["id"] for row in rows) or "no model"
    raise InputError(
        f"--base_url {url}: serves {names}, not {_short(name)}; give --model_name_or_path of the model that is served, "
        f"or serve it under that name (vLLM: --served-model-name {_short(name)}, llama.cpp: --alias)"
    )


def _short(name: str) -> str:
    return Path(name.rstrip("/")).name.removesuffix(".gguf").lower()


def _version(endpoint: Endpoint) -> str:
    for path in VERSIONS:
        try:
            answer = endpoint.get(endpoint.root + path)
        except (Refused, Fault, InputError):
            continue
        if isinstance(answer, dict):
            return str(answer.get("version") or answer.get("build_info") or "unknown")
    return "unknown"


def _dialect(endpoint: Endpoint, served: Served, policy: TokenizerPolicy) -> Served:
    """The richest way of asking that the server takes: prompts as ids before text, ids given back before none."""
    compared = _compare_tokens(endpoint, served, policy)
    ids, refusal = policy.encode_prompt(PROBE), None
    for takes_ids, gives_ids, *limits in itertools.product((True, False), (True, False), (-1, 0), (None, FEW)):
        way = replace(served, takes_ids=takes_ids, gives_ids=gives_ids, all_tokens=limits[0], stop_words=limits[1])
        try:
            answer = _greedy(endpoint, way, ids if takes_ids else PROBE)
        except (Refused, Fault) as error:
            if isinstance(error, Fault) and error.status != 500:  # some servers fail on what they do not expect
                raise
            refusal = error
            continue
        read = answer.get("usage", {}).get("prompt_tokens")
        if takes_ids and read not in (None, len(ids)):
            continue  # it has read the ids as something else
        if not takes_ids and read != len(ids):
            raise _another_tokenizer(
                endpoint.url, f"it takes no ids, and reads {read} tokens where ours are {len(ids)}"
            )
        if takes_ids and not compared:
            _compare_counts(endpoint, way, policy)
        return _checked(endpoint, way, answer, policy)
    if isinstance(refusal, Fault):
        raise refusal
    raise InputError(f"--base_url {endpoint.url}: refuses completions ({refusal}); is the model a text model?")


def _checked(endpoint: Endpoint, way: Served, answer: dict, policy: TokenizerPolicy) -> Served:
    """The way of asking as the answer shows it; InputError where ids and text do not belong together."""
    choice = answer["choices"][0]
    given = choice.get("token_ids")
    if not way.gives_ids or not isinstance(given, list):
        return replace(way, gives_ids=False)
    text = policy.decode(given).rstrip(UNFINISHED)
    if text != choice["text"].rstrip(UNFINISHED):
        raise _another_tokenizer(endpoint.url, f"its ids {given} are {choice['text']!r} there and {text!r} here")
    return way


def _greedy(endpoint: Endpoint, way: Served, prompt: list[int] | str) -> dict:
    drawn = {"max_tokens": PROBE_TOKENS, "temperature": 0.0, "top_p": 1.0, "top_k": way.all_tokens, "seed": 0}
    drawn["stop"] = list(NEVER[: way.stop_words])
    answer = endpoint.post(f"{endpoint.path}/completions", way.body(prompt, drawn))
    try:
        if isinstance(answer["choices"][0]["text"], str):
            return answer
    except (KeyError, IndexError, TypeError):
        pass
    raise Fault("its answer is no completion")


def _compare_tokens(endpoint: Endpoint, served: Served, policy: TokenizerPolicy) -> bool:
    """Whether the server told its ids of a text; InputError where it has others than ours."""
    body = {"model": served.model, "prompt": PROBE, "add_special_tokens": False}
    body |= {"content": PROBE, "add_special": False}  # llama.cpp's names
    try:
        theirs = endpoint.post(f"{endpoint.root}/tokenize", body)
    except (Refused, Fault):
        return False
    theirs = theirs.get("tokens") if isinstance(theirs, dict) else None
    ours = policy.tokenizer(PROBE, add_special_tokens=False).input_ids
    if isinstance(theirs, list) and theirs != ours:
        pairs = itertools.zip_longest(theirs, ours)
        at, (theirs, ours) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise _another_tokenizer(endpoint.url, f"token {at} of the same text is {theirs} there and {ours} here")
    return isinstance(theirs, list)


def _compare_counts(endpoint: Endpoint, way: Served, policy: TokenizerPolicy) -> None:
    """InputError where the server counts a text's tokens differently, with and without those at its start."""
    try:
        read = _greedy(endpoint, way, PROBE).get("usage", {}).get("prompt_tokens")
    except Refused:
        return  # it takes ids alone
    ours = len(policy.encode_prompt(PROBE))
    if read not in (None, ours, ours - len(policy.start)):
        raise _another_tokenizer(endpoint.url, f"it reads {read} tokens of a text where ours are {ours}")


def _another_tokenizer(url: str, how: str) -> InputError:
    return InputError(
        f"--base_url {url}: has another tokenizer ({how}); give --model_name_or_path of the model that is served"
    )
