"""Journals: what is finished survives a kill, what was cut short does not count, what others found is shared."""

from __future__ import annotations

import json
from concurrent.futures import Future

import pytest
import torch

from eval.judge.verdict import Judgement, Verdict
from utils.model.generate import Completion, Decoding, Request
from utils.run.dist import Ranks
from utils.run.files import Failure, InputError
from utils.run.journal import Journal
from utils.run.progress import Progress
from utils.serving.recorded import Recorded

SETTINGS, INPUTS = {"seed": 1}, {"train": "ab"}
DECODING = Decoding((), 8, 1.0)


def alone(rank: int = 0) -> Ranks:
    """A rank that has nobody to exchange with."""
    return Ranks(rank, 0, 1, 1, torch.device("cpu"))


def journal(folder, rank: int = 0, settings=SETTINGS, **options) -> Journal:
    """The journal of `code_r1.json` in a folder."""
    return Journal(folder / "code_r1.json", settings, INPUTS, alone(rank), **options)


def test_what_was_recorded_is_there_again(tmp_path):
    begun = journal(tmp_path)
    begun.add("text", (7, "code", "a", 1, 0), "x\n\u2028\udce9")
    begun.add("verdict", (7, "code", "a", 1, 0), {"passed": True})
    again = journal(tmp_path)
    assert again.get("text", (7, "code", "a", 1, 0)) == "x\n\u2028\udce9"
    assert again.get("verdict", (7, "code", "a", 1, 0)) == {"passed": True}
    assert again.get("text", (7, "code", "a", 1, 1)) is None


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_that_was_cut_short_does_not_count_and_spoils_no_other(tmp_path, cut):
    begun = journal(tmp_path)
    begun.add("text", ("a",), "first")
    begun.add("text", ("b",), "second")
    begun.path.write_bytes(begun.path.read_bytes()[:-cut])
    again = journal(tmp_path)
    assert (again.get("text", ("a",)), again.get("text", ("b",))) == ("first", None)
    again.add("text", ("c",), "third")
    assert list(journal(tmp_path).entries.values()) == ["first", "third"]


def test_a_journal_without_a_whole_first_line_is_begun_anew(tmp_path):
    begun = journal(tmp_path)
    begun.path.write_bytes(begun.path.read_bytes()[:9])
    journal(tmp_path).add("text", ("a",), "x")
    assert journal(tmp_path).get("text", ("a",)) == "x"


def test_journals_of_more_ranks_than_there_are_now_are_used(tmp_path):
    for rank in range(3):
        journal(tmp_path, rank).add("text", (rank,), f"of {rank}")
    assert [journal(tmp_path).get("text", (rank,)) for rank in range(3)] == ["of 0", "of 1", "of 2"]


def test_other_settings_are_refused_by_name_and_overwriting_begins_anew(tmp_path):
    journal(tmp_path).add("text", ("a",), "x")
    with pytest.raises(InputError, match=r"code_r1.json: was made with other settings: seed \(1 before, 2 now\)"):
        journal(tmp_path, settings={"seed": 2})
    assert journal(tmp_path, settings={"seed": 2}, overwrite=True).entries == {}


def test_removing_takes_all_ranks_journals_and_no_other(tmp_path):
    other = Journal(tmp_path / "code_r11.json", SETTINGS, INPUTS, alone())
    journal(tmp_path, 1)
    journal(tmp_path).remove(alone())
    assert list(tmp_path.iterdir()) == [other.path]


def test_a_full_disk_is_one_clear_failure_and_leaves_whole_lines(tmp_path, monkeypatch):
    begun = journal(tmp_path)
    begun.add("text", ("a",), "x")

    class Full:
        """A file on a disk with room for nine more bytes."""

        def __init__(self, file):
            self.file, self.closed, self.truncate = file, False, file.truncate

        def write(self, line):
            return self.file.write(line[:9])

    begun._file = Full(begun._file)
    with pytest.raises(Failure, match=rf"{begun.path.name}: cannot be written \(No space left"):
        begun.add("text", ("b",), "y")
    assert journal(tmp_path).entries == {("text", ("a",)): "x"}


class Counting:
    """An engine and a judge that count what they are asked; a program `v:X` is judged X."""

    def __init__(self):
        self.completed, self.judged = [], []

    def run(self, requests, decoding):
        for position in reversed(range(len(requests))):
            self.completed.append(requests[position].key)
            yield position, Completion(f"v:{'PASS' if position % 2 else 'INFRA'}", [7])

    def submit(self, program, test):
        self.judged.append(program)
        future: Future[Judgement] = Future()
        verdict = Verdict(program.removeprefix("v:"))
        future.set_result(Judgement(verdict, None if verdict is Verdict.INFRA else verdict is Verdict.PASS, "why", 0.5))
        return future


def test_nothing_is_done_twice_but_what_nobody_could_judge(tmp_path):
    requests = [Request([1], ("s", n)) for n in range(4)]
    found = []
    for _ in range(2):
        both = Counting()
        recorded = Recorded(both, both, journal(tmp_path), Progress(4, "", False))
        texts = dict(recorded.complete(requests, DECODING))
        verdicts = [recorded.verdict(requests[i].key, texts[i], {}).result() for i in range(4)]
        found.append((texts, verdicts, both))
    (texts, verdicts, first), (again, judged, second) = found
    assert texts == again and verdicts == judged
    assert (len(first.completed), len(first.judged)) == (4, 4)
    assert second.completed == [] and second.judged == ["v:INFRA", "v:INFRA"]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_death_by_signal_and_a_fault_of_the_judge_are_not_the_last_word(tmp_path, verdict):
    both = Counting()
    begun = journal(tmp_path)
    Recorded(both, both, begun, Progress(1, "", False)).verdict(("a",), f"v:{verdict.value}", {}).result()
    lines = [json.loads(line) for line in begun.path.read_text().splitlines()[1:]]
    assert bool(lines) == (verdict not in (Verdict.INFRA, Verdict.CRASH))
    assert all(line[2]["verdict"] == verdict.value for line in lines)
