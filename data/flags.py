"""The flags of the `data/<dataset>/prepare.py` commands."""

from __future__ import annotations

import argparse

from eval.judge.flags import add_arguments


def arguments(description: str) -> argparse.ArgumentParser:
    """The flags of every prepare command: those of the judge."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    return parser


def source_arguments(description: str, source: str, required: bool = True) -> argparse.ArgumentParser:
    """The flags of every prepare command that reads raw files; `source` says which."""
    parser = arguments(description)
    parser.add_argument("--source", nargs="+", required=required, default=[], metavar="PATH", help=source)
    parser.add_argument("--ict", metavar="FILE", help="in-context descriptions as published")
    parser.add_argument(
        "--keep_unverified", action="store_true", help="keep training problems whose gold solution does not pass"
    )
    parser.add_argument(
        "--keep_untested", action="store_true", help="keep training problems whose tests assert nothing"
    )
    parser.add_argument(
        "--drop_near_duplicates",
        action="store_true",
        help="leave out training problems that are, or nearly duplicate, a test problem of the same data set",
    )
    parser.add_argument(
        "--raw_heads", action="store_true", help="heads are all that stands before the function's body, helpers too"
    )
    parser.add_argument("--raw_texts", action="store_true", help="descriptions are neither trimmed nor cleaned")
    parser.add_argument(
        "--as_published", action="store_true", help="the published choices where ours differ; explicit flags win"
    )
    return parser


# What `--as_published` sets, as far as a data set has these flags.
PUBLISHED = {"raw_heads": True, "raw_texts": True, "keep_unverified": True, "keep_untested": True, "max_tests": 10}


def parse_flags(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The flags given, and with `--as_published` the published values of those that are not."""
    args = parser.parse_args()
    if args.as_published:
        parser.set_defaults(**{name: value for name, value in PUBLISHED.items() if hasattr(args, name)})
        args = parser.parse_args()
    return args
