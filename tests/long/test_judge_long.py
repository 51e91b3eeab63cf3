"""What takes many minutes or another user: repeats, a loaded machine, another order, an ordinary user, many rows."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.judge import Judge, JudgeOptions
from eval.judge.sandbox import CellError, probe

ROOT = Path(__file__).resolve().parents[2]
CANDIDATES = [json.loads(line) for line in (ROOT / "tests/hostile/candidates.jsonl").read_text().splitlines()]
TRACES = [row for row in CANDIDATES if row["id"].startswith("fail_trace")]
OTHERS = [row for row in CANDIDATES if not row["id"].startswith("fail_trace")]


def disagreements(rows: list[dict], options: JudgeOptions) -> list[str]:
    """Rows that were not judged as labelled."""
    with Judge(options) as judge:
        judgements = judge.judge((row["code"], row["test"]) for row in rows)
        return [f"{row['id']}: {judgement}" for row, judgement in zip(rows, judgements, strict=True)
                if judgement.passed is not (row["expected"] == "pass")]  # fmt: skip


@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_hostile_set_at_each_level(level):
    try:
        probe(level)
    except CellError as error:
        pytest.skip(str(error))
    assert disagreements(OTHERS, JudgeOptions(timeout=8.0, isolation=level)) == []
    assert disagreements(TRACES, JudgeOptions(timeout=8.0, isolation=level, workers=1)) == []


def test_hostile_set_in_another_order():
    rows = random.Random(1).sample(OTHERS, len(OTHERS))
    assert disagreements(rows, JudgeOptions(timeout=8.0)) == []


def test_hostile_set_on_a_loaded_machine():
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert disagreements(OTHERS, JudgeOptions(timeout=8.0)) == []
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_ten_thousand_judgements_agree_and_memory_stays_flat():
    legitimate = [row for row in CANDIDATES if row["expected"] == "pass"]
    assert len(legitimate) == 43
    rows = random.Random(2).choices(legitimate, k=10_000)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    with Judge(JudgeOptions(timeout=8.0)) as judge:
        memory = files = None
        for number, (row, judgement) in enumerate(
            zip(rows, judge.judge((r["code"], r["test"]) for r in rows), strict=True)
        ):
            assert judgement.passed, (row["id"], judgement)
            if number == 2000:
                memory, files = resident(), len(os.listdir("/proc/self/fd"))
        assert resident() - memory < 16 << 20
        assert abs(len(os.listdir("/proc/self/fd")) - files) < 20  # candidates in flight have some


def test_sleepers_cost_no_more_than_their_own_time():
    quick = ("def f(n):\n    return 2 * n\n", {"style": "asserts", "setup": "", "asserts": ["assert f(2) == 4"]})
    slow = ("import time\ntime.sleep(1000)\n" + quick[0], quick[1])
    mixed = [slow if number % 50 == 25 else quick for number in range(1000)]
    with Judge(JudgeOptions(timeout=2.0)) as judge:
        list(judge.judge([quick] * 50))
        seconds = []
        for candidates, passing in (([quick] * 1000, 1000), (mixed, 980), ([quick] * 1000, 1000)):
            start = time.perf_counter()
            assert sum(bool(judgement.passed) for judgement in judge.judge(candidates)) == passing
            seconds.append(time.perf_counter() - start)
        # The speed of a machine drifts within these 25 seconds: without sleepers before and after.
        assert seconds[1] <= 20 * 2.0 / judge.workers + 1.25 * (seconds[0] + seconds[2]) / 2, seconds


def test_hundred_thousand_rows_from_a_file(tmp_path):
    row = {"id": 0, "code": "x = 1", "test": {"style": "asserts", "setup": "", "asserts": []}}
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with source.open("w") as file:
        for number in range(100_000):
            file.write(json.dumps({**row, "id": number}) + "\n")
    command = [sys.executable, "-m", "eval.judge", "--input", str(source), "--output", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=3000)
    assert [json.loads(line)["id"] for line in target.read_text().splitlines()] == list(range(100_000))


@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_hostile_set_as_an_ordinary_user(tmp_path_factory, level):
    """Needs root, to become `nobody`, and an interpreter with numpy that `nobody` can read (GIFT_TEST_PYTHON)."""
    if os.getuid():
        pytest.skip("already an ordinary user: the other tests show it")
    python = os.environ.get("GIFT_TEST_PYTHON")
    if not python or not shutil.which("setpriv"):
        pytest.skip("GIFT_TEST_PYTHON names no interpreter that an ordinary user can read")
    folder = tmp_path_factory.mktemp("user")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and parent != Path("/tmp") and "tmp" in parent.parts:
            parent.chmod(0o755)
    for name in ("eval", "utils"):
        shutil.copytree(ROOT / name, folder / name)
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in OTHERS))
    target.touch()
    nobody = pwd.getpwnam("nobody").pw_uid
    folder.chmod(0o777)
    path = os.environ.get("GIFT_TEST_PYTHONPATH", "")
    command = ["setpriv", "--reuid", str(nobody), "--regid", str(nobody), "--clear-groups", "env", "-i",
               "PATH=/usr/bin:/bin", f"HOME={folder}", "PYTHONDONTWRITEBYTECODE=1", f"PYTHONPATH={path}", python,
               "-m", "eval.judge", "--input", str(source), "--output", str(target),
               "--timeout", "8", "--isolation", level]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, timeout=600)
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row, verdict in zip(OTHERS, written, strict=True)
            if verdict["passed"] is not (row["expected"] == "pass")] == []  # fmt: skip
