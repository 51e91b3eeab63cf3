"""The engine of `--engine server`: completions from servers that speak OpenAI's API (vLLM, SGLang, llama.cpp, TGI).

Every completion is a request of its own, with a seed from its stream's key. Promised: every completion is a draw from
the served model's distribution at these settings, cut by the same rules as those of the other engines. The same draw
again comes only where the server promises it.

A server that fails is left alone for a while, longer each time, then tried with a single request; what it had not
answered is asked again, behind all that waits, so a request that a server cannot answer holds up no other.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from utils.extract import truncate
from utils.model.generate import Completion, Decoding, Request, longest_first
from utils.model.tokens import TokenizerPolicy
from utils.run.files import Failure, InputError
from utils.run.streams import seed_of
from utils.serving.endpoint import Endpoint, Fault, Refused
from utils.serving.probe import FIRST_WAIT, LONGEST_WAIT, Served

FIRST_ROOM, MOST_ROOM = 32, 1024  # requests in flight at a server whose limit is found by growing
GROWTH = 1.1  # the rate has grown
TRIES = 3  # of a completion that the server cuts
TICK = 0.5  # seconds between two looks at servers that are left alone


class Cut(Fault):
    """The server gave fewer tokens than asked for, without a stop word or an end."""


@dataclass
class _Lane:
    """A server, what is in flight there, and how much may be. Touched by the main thread alone, but for `endpoint`."""

    served: Served
    endpoint: Endpoint
    room: int
    growing: bool
    flying: int = 0
    faults: int = 0  # in a row
    quiet_from: float = 0.0
    quiet_until: float = 0.0
    best: float = 0.0  # tokens a second
    since: float = 0.0
    ended: int = 0
    tokens: int = 0

    def free(self) -> int:
        """How many more requests it may have now."""
        if time.monotonic() < self.quiet_until:
            return 0
        return (1 if self.faults else self.room) - self.flying

    def begin(self) -> None:
        """Forget the pace of an earlier step."""
        self.flying, self.since, self.ended, self.tokens = 0, time.monotonic(), 0, 0

    def succeeded(self, tokens: int, waiting: bool) -> None:
        """Note an answer; `waiting` is whether more could be in flight. The room doubles while that raises the rate."""
        self.faults, self.ended, self.tokens = 0, self.ended + 1, self.tokens + tokens
        if not self.growing or not waiting or self.ended < self.room:
            return
        rate = self.tokens / max(time.monotonic() - self.since, 1e-9)
        self.growing = rate > GROWTH * self.best and self.room < MOST_ROOM
        self.best = max(rate, self.best)
        self.room *= 2 if self.growing else 1
        self.since, self.ended, self.tokens = time.monotonic(), 0, 0

    def failed(self, fault: Fault, began: float) -> None:
        """Leave the server alone for a while; what began before that has failed with it."""
        if began < self.quiet_from or isinstance(fault, Cut):
            return
        if fault.status == 429:
            self.room, self.growing = max(1, self.room // 2), False
        wait = max(fault.wait, min(LONGEST_WAIT, FIRST_WAIT * 2**self.faults))
        self.faults, self.quiet_from = self.faults + 1, time.monotonic()
        self.quiet_until = self.quiet_from + wait


@dataclass
class _Flight:
    """A request on its way, and later its answer."""

    position: int  # among the requests
    lane: _Lane
    body: dict
    answers: SimpleQueue
    began: float = field(default_factory=time.monotonic)
    answer: object = None  # the server's JSON, or what was raised


class Server:
    """Sends requests to servers and yields what comes back; `room` are those in flight at each, 0: found by growing."""

    def __init__(self, servers: Sequence[Served], policy: TokenizerPolicy, room: int, patience: float):
        self.policy, self.patience = policy, patience
        endpoints = [Endpoint(served.url, patience / 2) for served in servers]
        self.lanes = [
            _Lane(*pair, room or FIRST_ROOM, growing=not room) for pair in zip(servers, endpoints, strict=True)
        ]
        self.tell: Callable[[str], None] = lambda trouble: None  # shows trouble, "" when it is over
        self._jobs: SimpleQueue[_Flight] = SimpleQueue()
        self._threads, self._trouble = 0, ""

    def run(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, Completion]]:
        """Yield `(position in requests, completion)` as completions finish.

        Failure where no server answers for `patience` seconds, or one cuts completions short; InputError where one
        refuses a request.
        """
        waiting, cuts, answers = deque(longest_first(requests)), Counter(), SimpleQueue()
        missing, heard = len(requests), time.monotonic()
        for lane in self.lanes:
            lane.begin()
        while missing:
            self._send(waiting, requests, decoding, answers)
            try:
                flight = answers.get(timeout=TICK)
            except Empty:
                self._check_patience(heard)
                continue
            lane = flight.lane
            lane.flying -= 1
            try:
                completion = self._completion(flight, decoding)
            except Fault as fault:
                cuts[flight.position] += isinstance(fault, Cut)
                if cuts[flight.position] == TRIES:
                    raise Failure(f"--base_url {lane.served.url}: {fault}, {TRIES} times") from None
                waiting.append(flight.position)
                lane.failed(fault, flight.began)
                self._show(f"{lane.endpoint.name}: {fault}")
                self._check_patience(heard)
                continue
            if lane.faults:
                self._show("")
            lane.succeeded(completion.tokens, bool(waiting))
            missing -= 1
            yield flight.position, completion
            heard = time.monotonic()

    def _send(self, waiting: deque[int], requests: Sequence[Request], decoding: Decoding, answers: SimpleQueue) -> None:
        """Fill the room at all servers, the emptier one first."""
        while waiting:
            lane = max(self.lanes, key=_Lane.free)
            if lane.free() < 1:
                return
            position = waiting.popleft()
            lane.flying += 1
            if sum(lane.flying for lane in self.lanes) > self._threads:
                self._threads += 1
                threading.Thread(target=self._work, name="request", daemon=True).start()
            self._jobs.put(_Flight(position, lane, self._body(lane.served, requests[position], decoding), answers))

    def _work(self) -> None:
        """One thread: a request at a time; errors are answers too."""
        while True:
            flight = self._jobs.get()
            endpoint = flight.lane.endpoint
            flight.began = time.monotonic()
            try:
                flight.answer = endpoint.post(f"{endpoint.path}/completions", flight.body)
            except BaseException as error:  # raised where the answer is read
                flight.answer = error
            flight.answers.put(flight)

    def _body(self, served: Served, request: Request, decoding: Decoding) -> dict:
        room = decoding.max_new_tokens
        if served.context is not None:
            room = max(1, min(room, served.context - len(request.prompt)))
        drawn = {
            "max_tokens": room,
            "temperature": decoding.temperature,
            "top_k": decoding.top_k or served.all_tokens,
            "top_p": decoding.top_p,
            "seed": seed_of(*request.key),
        }
        if decoding.stop_words:
            drawn["stop"] = list(decoding.stop_words[: served.stop_words])
        return served.body(request.prompt if served.takes_ids else self.policy.prompt_text(request.prompt), drawn)

    def _completion(self, flight: _Flight, decoding: Decoding) -> Completion:
        """What the server's answer holds; Fault where it is none or was cut."""
        if isinstance(flight.answer, Refused):
            raise InputError(f"--base_url {flight.lane.served.url}: refuses a request: {flight.answer}")
        if isinstance(flight.answer, BaseException):
            raise flight.answer
        try:
            [choice] = flight.answer["choices"]
            text, reason, ids = choice["text"], choice["finish_reason"], choice.get("token_ids")
            count = (flight.answer.get("usage") or {}).get("completion_tokens")
            if not isinstance(text, str):
                raise TypeError
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Fault("its answer is no completion") from None
        if ids is not None:
            count, text = len(ids), self.policy.decode(ids)
        most = flight.body["max_tokens"]
        if reason not in ("stop", "length", "eos_token") or (reason == "length" and count is not None and count < most):
            raise Cut(f"a completion ended with {reason!r} after {count} of {most} tokens")
        if ids is None:
            end = [self.policy.eos_id] if reason != "length" and self.policy.eos_id is not None else []
            ids = self.policy.encode(text) + end
        return Completion(truncate(text, decoding.stop_words, decoding.keep_blanks), ids)

    def _show(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self.tell(trouble)

    def _check_patience(self, heard: float) -> None:
        if time.monotonic() - heard > self.patience:
            raise Failure(
                f"--base_url {','.join(lane.served.url for lane in self.lanes)}: no completion for --server_patience "
                f"{self.patience:g} s ({self._trouble or 'no answer'}); the same command resumes where it stopped"
            )
