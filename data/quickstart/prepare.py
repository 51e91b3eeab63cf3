"""Judge the quickstart problems and write `data/quickstart/{train,test,ict}.json`:

    python -m data.quickstart.prepare

The problems come with the repository, so stages find them without this command; it proves their gold solutions here.
"""

from __future__ import annotations

from data import flags, verification, writing
from data.quickstart import problems
from eval.judge.flags import options_of
from eval.registry import adapter
from utils.run import files
from utils.run.files import Failure


def main() -> int:
    """Judge and write; returns the exit status."""
    options = options_of(flags.arguments(__doc__).parse_args())
    counts = {}
    for split in ("train", "test"):
        rows = problems.rows(split)
        verdicts = verification.judge_gold(rows, options)
        failing = [f"{row['id']} ({v.verdict.value})" for row, v in zip(rows, verdicts, strict=True) if not v.passed]
        if failing:
            raise Failure(f"{split}: gold solutions that do not pass: {', '.join(failing)}")
        counts[split] = {"read": len(rows), "kept": len(rows)}
        writing.write_split("quickstart", split, rows, counts[split])
    examples = problems.ict()
    counts["ict"] = {"descriptions": len(examples), "problems": len({problem_id for problem_id, _ in examples})}
    writing.write_split("quickstart", "ict", examples, counts["ict"])
    writing.print_table(adapter("quickstart"), counts)
    return 0


if __name__ == "__main__":
    files.run(main)
