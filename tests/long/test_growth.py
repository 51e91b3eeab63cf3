"""Long runs do not grow: memory and open files of the main process are flat over the rounds, and nothing is left."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

import psutil
from test_sandbox import cell_folders, temporary  # noqa: F401
from toy import stage_command, write_model, write_task

ROUNDS = 20
CODES = "data/introductory/selfsample_code/tiny"


def test_twenty_rounds_are_flat(tmp_path, temporary):  # noqa: F811
    model, folder = write_model(tmp_path / "tiny"), write_task(tmp_path / "work")
    config = Path(__file__).resolve().parents[2] / "deepspeed_config.json"
    flags = ["--model_name_or_path", model, "--deepspeed_config", config, "--difficulty", "introductory"]
    flags += ["--dtype", "fp32", "--max_length", 512, "--output_dir", "s", "--num_seq", 8, "--iter_num", ROUNDS]
    command = stage_command("seq_gibbs_sample.py", [*flags, "--max_new_tokens", 32])
    seen: dict[int, tuple[int, int, int]] = {}  # finished rounds -> resident bytes, open files, processes
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        main = psutil.Process(process.pid)
        while process.poll() is None:
            rounds = len(list((folder / CODES).glob("code_r*.meta.json")))
            try:
                seen[rounds] = main.memory_info().rss, main.num_fds(), len(main.children(recursive=True))
                cells = main.children(recursive=True)
            except psutil.Error:
                break
            time.sleep(0.02)
    assert process.wait() == 0
    early, late = ([seen[r] for r in seen if low <= r < high] for low, high in ((3, 8), (ROUNDS - 6, ROUNDS)))
    assert len(early) >= 3 and len(late) >= 3
    for what, slack in enumerate((20 << 20, 2, 2)):
        before, after = (statistics.median(state[what] for state in states) for states in (early, late))
        assert after <= before + slack, (early, late)
    psutil.wait_procs(cells, timeout=5)
    assert not any(cell.is_running() for cell in cells)
    assert not cell_folders(temporary)
    assert not list(folder.rglob(".*"))
