"""Engine and judge of a step behind its journal: what a killed run has finished is neither sampled nor judged again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass

from eval.judge import Judge
from eval.judge.verdict import Judgement, Verdict
from utils.model.generate import Decoding, Engine, Request
from utils.run.files import Failure
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.serving.server import Server


@dataclass
class Recorded:
    """Engine and judge of a step behind its journal: what was recorded is not done again, what is new is recorded."""

    engine: Engine
    judge: Judge
    journal: Journal
    bar: Progress

    def __post_init__(self) -> None:
        if isinstance(self.engine, Server):
            self.engine.tell = self.bar.tell

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> Iterator[tuple[int, str]]:
        """`(position in requests, text of its completion)` as completions finish."""
        new = []
        for position, request in enumerate(requests):
            text = self.journal.get("text", request.key)
            if text is None:
                new.append(position)
            else:
                self.bar.add(0)
                yield position, text
        for index, completion in self.engine.run([requests[position] for position in new], decoding):
            position = new[index]
            self.journal.add("text", requests[position].key, completion.text)
            self.bar.add(completion.tokens)
            yield position, completion.text

    def verdict(self, key: tuple, program: str, test: dict) -> Future[Judgement]:
        """The verdict on a candidate, which may still be pending."""
        if (past := self.journal.get("verdict", key)) is not None:
            future: Future[Judgement] = Future()
            future.set_result(Judgement(**{**past, "verdict": Verdict(past["verdict"])}))
        else:
            future = self.judge.submit(program, test)
            future.add_done_callback(self._recorder(key))
        return self.bar.watch(future)

    def _recorder(self, key: tuple) -> Callable[[Future[Judgement]], None]:
        def record(future: Future[Judgement]) -> None:
            if future.cancelled() or future.exception() is not None:
                return
            # The judge failed, or the candidate died by a signal, which may have been meant for the whole run: neither
            # is final, so both are judged again when the run resumes.
            if future.result().verdict not in (Verdict.INFRA, Verdict.CRASH):
                with contextlib.suppress(Failure):  # cannot be raised here; the main thread's next line fails too
                    self.journal.add("verdict", key, asdict(future.result()))

        return record
