"""Leave out the codes of problems that another run of stage 1 has no code for:

    python -m scripts.replication.covered --codes FILE --by FILE --output FILE

What a method gains over another with only the problems that both have codes for is not a gain of coverage.
"""

from __future__ import annotations

import argparse

from utils.run import files
from utils.run.files import InputError


def main(argv: list[str] | None = None) -> int:
    """Read both files, write the codes that are left; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", required=True, help="passed_seq_code.json")
    parser.add_argument("--by", required=True, help="passed_seq_code.json of the same problems by another sampler")
    parser.add_argument("--output", required=True, help="file to write")
    options = parser.parse_args(argv)
    codes, others = (files.read_json(path, list) for path in (options.codes, options.by))
    if len(codes) != len(others):
        raise InputError(f"{options.by}: {len(others)} problems, but {options.codes} has {len(codes)}; sample again")
    left = [of_problem if other else [] for of_problem, other in zip(codes, others, strict=True)]
    inputs = {"codes": files.sha256(options.codes), "by": files.sha256(options.by)}
    files.write_json(options.output, left, {"settings": {}, "inputs": inputs})
    return 0


if __name__ == "__main__":
    files.run(main)
