"""Are completions draws from the model? A statistical test with a known null, for one engine at one setting:

    python scripts/exactness.py [--model M] [--engine static|continuous|server] [--dtype bf16]
        [--temperature 1.0] [--top_k 0] [--top_p 1.0] [--tokens 30000] [--base_url http://localhost:8000/v1]

For a token x drawn from q, -log p(x) has the mean E_q[-log p], whatever was drawn before it. So the sum of the
differences over all tokens that the engine drew, divided by the root of their summed variances, is a standard normal
z if q, computed from the model itself in fp32 by the library's own rules for top-k and top-p, is what the engine draws
from. A fault that hits one token in a thousand shows. Prints one JSON line: z over all tokens and by position, tokens
outside of q's support, and the p-value of a chi-square test of first tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import chisquare
from tqdm import tqdm
from transformers import PreTrainedModel
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from eval import registry  # noqa: E402
from utils.args import CommonOptions  # noqa: E402
from utils.model.attention import librarys_own  # noqa: E402
from utils.model.generate import Decoding, Request  # noqa: E402
from utils.model.load import check_model, load_model  # noqa: E402
from utils.run import dist, files, paths  # noqa: E402
from utils.serving.engine import make_engine  # noqa: E402
from utils.serving.probe import look_at  # noqa: E402
from utils.serving.server import Server  # noqa: E402

FROM = (0, 1, 16, 64, 256)  # first positions of the groups that are reported
AT_A_TIME = 64  # positions whose scores over the vocabulary are in fp64 at a time
PATIENCE = 600  # seconds for a server
LEAST_EXPECTED = 5  # draws of a token, in the chi-square test; rarer tokens are pooled


@dataclass
class Differences:
    """For every token drawn: its position, -log p less its mean, the variance of that, and whether q allows it."""

    positions: np.ndarray
    values: np.ndarray
    variances: np.ndarray
    outside: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Differences]) -> Differences:
        """Those of many completions."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def z(self, first: int = 0, behind: int | None = None) -> float:
        """The statistic over the tokens at positions from `first` on and before `behind`."""
        chosen = (self.positions >= first) & (self.positions < (behind or np.inf))
        return float(self.values[chosen].sum() / np.sqrt(self.variances[chosen].sum()))

    def report(self) -> dict:
        """Number of tokens, z, nats a token, z by position, and tokens outside."""
        groups = zip(FROM, (*FROM[1:], None), strict=True)
        by_position = {f"{a}+" if b is None else f"{a}-{b - 1}": (a, b) for a, b in groups}
        present = {key: span for key, span in by_position.items() if self.positions.max() >= span[0]}
        return {
            "tokens": len(self.values),
            "z": round(self.z(), 2),
            "nats_per_token": round(float(self.values.mean()), 4),
            "z_by_position": {key: round(self.z(*span), 2) for key, span in present.items()},
            "outside": int(self.outside.sum()),
        }


def distributions(scores: torch.Tensor, decoding: Decoding) -> tuple[torch.Tensor, torch.Tensor]:
    """Log p and q, (positions, vocabulary) in fp64: p at the temperature, q what top-k and top-p leave of it."""
    kept = scores / decoding.temperature
    if decoding.top_k:
        kept = TopKLogitsWarper(decoding.top_k)(None, kept)
    if decoding.top_p < 1:
        kept = TopPLogitsWarper(decoding.top_p)(None, kept)
    return (scores.double() / decoding.temperature).log_softmax(dim=-1), kept.double().softmax(dim=-1)


@torch.inference_mode()
def differences(model: PreTrainedModel, prompt: list[int], tokens: list[int], decoding: Decoding) -> Differences:
    """The differences of one completion, from one pass of the model over it."""
    ids = torch.tensor([prompt + tokens], device=model.device)
    scores = model(ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
    drawn, parts = torch.tensor(tokens, device=model.device)[:, None], []
    for part, token in zip(scores.split(AT_A_TIME), drawn.split(AT_A_TIME), strict=True):
        log_p, q = distributions(part, decoding)
        mean = -(q * log_p).sum(dim=-1)
        variance = (q * log_p.square()).sum(dim=-1) - mean.square()
        parts.append((-log_p.gather(1, token)[:, 0] - mean, variance, q.gather(1, token)[:, 0] == 0))
    values, variances, outside = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
    return Differences(np.arange(len(tokens)), values, variances, outside)


@torch.inference_mode()
def first_tokens_p_value(model: PreTrainedModel, prompt: list[int], drawn: Sequence[int], decoding: Decoding) -> float:
    """Chi-square test of the first tokens drawn after one prompt: the chance of being this far from q.

    1 where no two tokens are expected often enough to be compared.
    """
    _, q = distributions(model(torch.tensor([prompt], device=model.device)).logits[0, -1:], decoding)
    expected = q[0].cpu().numpy() * len(drawn)
    counts, frequent = Counter(drawn), np.flatnonzero(expected >= LEAST_EXPECTED)
    frequent = frequent[expected[frequent].argsort()[1:]]  # the rarest one is pooled too: no pool is empty
    if not len(frequent):
        return 1.0
    observed = np.array([counts[token] for token in frequent.tolist()])
    pooled = (len(drawn) - observed.sum(), len(drawn) - expected[frequent].sum())
    return chisquare([*observed, pooled[0]], [*expected[frequent], pooled[1]]).pvalue


def completions(engine, prompts: list[list[int]], decoding: Decoding, tokens: int) -> Iterator[tuple[list[int], list]]:
    """`(prompt, ids drawn)`, prompts in turn, until n tokens are drawn."""
    missing, sample = tokens, 0
    while missing > 0:
        requests = [Request(prompt, ("exactness", index, sample)) for index, prompt in enumerate(prompts)]
        for position, completion in engine.run(requests, decoding):
            missing -= completion.tokens
            yield prompts[position], completion.ids
        sample += 1


def measure(engine, model: PreTrainedModel, prompts: list[list[int]], decoding: Decoding, tokens: int) -> dict:
    """The report on an engine's draws; `model` is the one that they are compared with, in fp32."""
    bar, parts = tqdm(total=tokens, unit="token"), []
    with librarys_own(model):
        for prompt, ids in completions(engine, prompts, decoding, tokens):
            parts.append(differences(model, prompt, ids, decoding))
            bar.update(len(ids))
    bar.close()
    return Differences.joined(parts).report()


def parse_arguments() -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(paths.DEFAULT_MODEL), help="hub id, local folder or GGUF file")
    parser.add_argument("--dataset", default="quickstart", help="data set whose training prompts are completed")
    parser.add_argument("--engine", default="static", choices=("static", "continuous", "server"), help="of a stage")
    parser.add_argument(
        "--base_url", default="http://localhost:8000/v1", help="with --engine server, which serves MODEL"
    )
    parser.add_argument("--dtype", default="bf16", choices=("bf16", "fp16", "fp32"), help="of the engine's weights")
    parser.add_argument("--temperature", type=float, default=1.0, help="sampling temperature, above 0")
    parser.add_argument("--top_k", type=int, default=0, help="tokens that may be drawn; 0: all")
    parser.add_argument("--top_p", type=float, default=1.0, help="nucleus")
    parser.add_argument("--tokens", type=int, default=30_000, help="how many are drawn at least")
    parser.add_argument("--max_new_tokens", type=int, default=384, help="longest completion")
    parser.add_argument("--first_tokens", type=int, default=2000, help="completions of one token for the chi-square")
    return parser.parse_args()


def main() -> None:
    """Draw, compare and print."""
    args = parse_arguments()
    if args.temperature <= 0:
        raise files.InputError(f"--temperature {args.temperature}: must be above 0, since greedy tokens are no draws")
    options = CommonOptions(
        model_name_or_path=args.model, deepspeed_config="", output_dir="exactness", max_length=1, dtype=args.dtype
    )
    _, policy = check_model(args.model, None, False)
    problems, _ = registry.load(args.dataset, args.dataset, "train")
    adapter, device = registry.adapter(args.dataset), dist.join().device
    prompts = [policy.encode_prompt(adapter.code_prompt(problem, problem.query)) for problem in problems]
    if args.engine == "server":
        longest = max(map(len, prompts)) + args.max_new_tokens
        engine = Server([look_at(args.base_url, args.model, policy, longest, PATIENCE)], policy, 0, PATIENCE)
    else:
        engine = make_engine(args.engine, load_model(options, device), policy)
    options.dtype = "fp32"
    model = load_model(options, device)
    decoding = Decoding((), args.max_new_tokens, args.temperature, args.top_k, args.top_p)
    report = measure(engine, model, prompts, decoding, args.tokens)
    one_token = Decoding((), 1, args.temperature, args.top_k, args.top_p)
    requests = [Request(prompts[0], ("first", index)) for index in range(args.first_tokens)]
    first = [completion.ids[0] for _, completion in engine.run(requests, one_token)]
    report["p_first_tokens"] = round(first_tokens_p_value(model, prompts[0], first, one_token), 4)
    settings = {name: getattr(args, name) for name in ("model", "engine", "dtype", "temperature", "top_k", "top_p")}
    print(json.dumps({**settings, **report}))


if __name__ == "__main__":
    files.run(main)
