"""The whole rehearsal of `scripts/gpu_check.sh`; three minutes on two cores."""

from __future__ import annotations

import json

from test_gpu_check import check, gpu_check


def test_every_check_holds_on_the_cpu():
    done = check("--rehearse")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [json.loads(line)["check"] for line in done.stdout.split("\n\n")[0].splitlines()] == list(gpu_check.CHECKS)
