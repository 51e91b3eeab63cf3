"""The judge's flags, for its own command and for others that judge."""

from __future__ import annotations

import argparse
from dataclasses import fields

from eval.judge.compare import MODES
from eval.judge.pool import JudgeOptions
from eval.judge.sandbox import LEVELS
from utils.run.files import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the judge's flags to a parser."""
    defaults = JudgeOptions()
    parser.add_argument("--workers", type=int, help="pairs of cells (default: the cores this process may use)")
    parser.add_argument("--timeout", type=float, default=defaults.timeout, help="seconds for each test (default 5)")
    parser.add_argument("--memory_mb", type=int, default=defaults.memory_mb, help="MiB of address space (default 2048)")
    parser.add_argument(
        "--total_timeout", type=float, default=0.0, help="seconds for all tests of a candidate (default 0: no limit)"
    )
    parser.add_argument(
        "--gold_time_factor",
        type=float,
        default=defaults.gold_time_factor,
        help="where a gold solution is slow, the limit is n times its seconds (default 4); 0: --timeout",
    )
    parser.add_argument("--compare", choices=MODES, default="apps", help="how outputs are compared")
    parser.add_argument("--isolation", choices=("auto", *LEVELS), default="auto", help="level of isolation")
    parser.add_argument("--allow_weak", action="store_true", help="let WEAK count as passed")


def options_of(args: argparse.Namespace) -> JudgeOptions:
    """The options that the flags set; InputError for a value out of range."""
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers {args.workers}: at least 1 is needed")
    if not 0 < args.timeout < 1e6:
        raise InputError(f"--timeout {args.timeout}: seconds above 0 are needed")
    if not 0 <= args.total_timeout < 1e6:
        raise InputError(f"--total_timeout {args.total_timeout}: seconds are needed; 0: no limit")
    if not 0 <= args.gold_time_factor < 1e6:
        raise InputError(f"--gold_time_factor {args.gold_time_factor}: a factor is needed; 0: a fixed limit")
    if args.memory_mb < 256:
        raise InputError(f"--memory_mb {args.memory_mb}: Python and numpy alone need 256")
    return JudgeOptions(**{field.name: getattr(args, field.name) for field in fields(JudgeOptions)})
