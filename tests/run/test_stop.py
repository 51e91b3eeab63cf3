"""Whatever ends a run, it ends soon, in one line that helps, and takes all of its ranks along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from toy import DEEPSPEED, REPOSITORY, free_port

from utils.run import stop

PREAMBLE = f"""
import sys; sys.path[:0] = [{str(REPOSITORY)!r}]
from utils.run import stop
stop.watch()
"""

WAITING = """
import time
def main():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("put away", flush=True)
stop.run(main)
"""

STUCK = """
import ctypes, signal
def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))  # another thread gets it; this one sleeps on
    print("ready", flush=True)
    ctypes.CDLL(None).sleep(60)
stop.run(main)
"""

IMPORTING = """
import time
print("ready", flush=True)
time.sleep(60)  # stands for the imports before `run`
"""

RANKS = """
import os, time
from utils.run import dist
def main():
    ranks = dist.join()
    ranks.all_values("here")
    open(f"ready{{ranks.rank}}", "w").write(str(os.getpid()))
    {action}
    ranks.all_values("done")
    print("done", ranks.rank, flush=True)
stop.run(main)
"""


def start(code: str, *flags: str, **options) -> subprocess.Popen:
    """Start a watched script and wait until it is at work."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True, **options}
    process = subprocess.Popen([sys.executable, "-c", PREAMBLE + code, *flags], **pipe)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_in_one_line_after_things_are_put_away(number):
    process = start(WAITING)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert out == "put away\n"
    assert err == f"stopped by {number.name}; the same command resumes where it stopped\n"


def test_a_command_that_would_start_over_is_told_apart_from_the_one_that_resumes():
    process = start(WAITING, "--overwrite")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert err == "stopped by SIGTERM; the same command without --overwrite resumes where it stopped\n"


def test_further_signals_do_not_break_off_the_putting_away():
    code = WAITING.replace("finally:", "finally:\n        time.sleep(1)")
    process = start(code)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, len(err.splitlines())) == (130, "put away\n", 1)


def test_a_main_thread_that_does_not_come_back_is_left():
    process, began = start(STUCK), time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 143 and err.startswith("stopped by SIGTERM")
    assert time.monotonic() - began < 10


def test_a_stop_during_the_imports_is_one_line_too():
    process = start(IMPORTING)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == "stopped by SIGINT; the same command resumes where it stopped\n"


def test_signals_that_are_ignored_stay_so():
    process = start(WAITING, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=10) == 143


@pytest.mark.parametrize(
    ("body", "status", "last"),
    [
        ("raise InputError('x.json: bad')", 2, "error: x.json: bad"),
        ("raise Failure('x.json: full')", 1, "error: x.json: full"),
        ("raise ValueError('oh')", 1, "ValueError: oh"),
        ("sys.exit(1)", 1, ""),
        ("pass", 0, ""),
    ],
)
def test_statuses_and_last_lines(body, status, last):
    code = f"from utils.run.files import Failure, InputError\ndef main():\n    {body}\nstop.run(main)\n"
    done = subprocess.run([sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert (done.stderr.splitlines() or [""])[-1] == last


def start_ranks(folder: Path, action: str) -> list[subprocess.Popen]:
    """Two ranks of a run without a launcher, at work."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    code = PREAMBLE + RANKS.format(action=action)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **shared, "RANK": str(rank)},
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    wait_for(lambda: all((folder / f"ready{rank}").exists() for rank in range(2)), 60)
    return processes


def wait_for(condition, seconds: float) -> None:
    """Wait until something holds; fail after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def test_ranks_end_together_when_all_is_done(tmp_path):
    ranks = start_ranks(tmp_path, "time.sleep(ranks.rank)")
    assert [rank.communicate(timeout=60)[0] for rank in ranks] == ["done 0\n", "done 1\n"]
    assert [rank.returncode for rank in ranks] == [0, 0]


@pytest.mark.parametrize("waiting", ["pass", "time.sleep(0 if ranks.rank else 60)"], ids=["in exchange", "at work"])
@pytest.mark.parametrize("failing", [0, 1])
def test_a_failing_rank_takes_the_other_with_it_and_its_error_is_shown_last(tmp_path, failing, waiting):
    if failing == 0:
        waiting = waiting.replace("0 if ranks.rank else 60", "60 if ranks.rank else 0")
    action = f"{waiting}\n    if ranks.rank == {failing}: raise ValueError('lost my way')"
    ranks, began = start_ranks(tmp_path, action), time.monotonic()
    errors = [rank.communicate(timeout=60)[1] for rank in ranks]
    assert time.monotonic() - began < 30
    assert [rank.returncode for rank in ranks] == [1, 1]
    assert "lost my way" in errors[0].splitlines()[-1]
    assert "lost my way" in errors[failing] and "Traceback" in errors[failing]
    assert "Traceback" not in errors[1 - failing]


@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_rank_takes_the_other_with_it(tmp_path, killed):
    ranks, began = start_ranks(tmp_path, "time.sleep(60)"), time.monotonic()
    ranks[killed].kill()
    _, err = ranks[1 - killed].communicate(timeout=60)
    assert ranks[1 - killed].returncode == 1
    assert time.monotonic() - began < 30
    assert killed == 0 or "rank 1 is gone" in err
    ranks[killed].communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_rank_outlives_its_launcher(tmp_path, number):
    script = tmp_path / "script.py"
    script.write_text(PREAMBLE + RANKS.format(action="time.sleep(60)"))
    command = [DEEPSPEED, "--num_gpus", "2", "--master_port", str(free_port()), str(script)]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as launcher:
        wait_for(lambda: all((tmp_path / f"ready{rank}").exists() for rank in range(2)), 120)
        ranks = [int((tmp_path / f"ready{rank}").read_text()) for rank in range(2)]
        assert all(psutil.pid_exists(rank) for rank in ranks)
        launcher.send_signal(number)
        wait_for(lambda: not any(psutil.pid_exists(rank) for rank in ranks), 15)
        assert launcher.wait() != 0


def test_bad_input_is_said_by_the_main_rank_even_if_another_finds_it_first(tmp_path):
    """A launcher stops all ranks as soon as one has ended, so the others leave the main one time to speak."""
    script = tmp_path / "bad.py"
    script.write_text(
        PREAMBLE + "import os, time\nfrom utils.run.files import InputError\n"
        "def main():\n"
        "    time.sleep(0 if os.environ['RANK'] == '1' else 3)\n"
        f"    open({str(tmp_path / 'raised')!r} + os.environ['RANK'], 'w').close()\n"
        "    raise InputError('--seed x: not a number')\n"
        "stop.run(main)\n"
    )
    command = [DEEPSPEED, "--num_gpus", "2", "--master_port", free_port(), script]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)
    began = (tmp_path / "raised1").stat().st_mtime  # a launcher takes long to start on a busy machine
    assert done.returncode != 0
    assert done.stderr.count("error: --seed x: not a number") == 1
    assert "SIGTERM" not in done.stderr
    assert time.time() - began < 3 + stop.MAIN_REPORTS
