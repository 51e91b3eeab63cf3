"""Judge the quickstart problems and write `data/quickstart/{train,test,ict}.json`:

    python -m data.quickstart.prepare [--descriptions story]

The problems come with the repository, so stages find them without this command; it proves their gold solutions here.
With `--descriptions story` every second training problem has a story as its seed description. Each run replaces the
files, so one without the flag brings the plain descriptions back.
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
    parser = flags.arguments(__doc__)
    parser.add_argument(
        "--descriptions", choices=problems.DESCRIPTIONS, default="plain", help="seed descriptions of training problems"
    )
    args = parser.parse_args()
    options, counts = options_of(args), {}
    for split in ("train", "test"):
        rows = problems.rows(split, args.descriptions)
        verdicts = verification.judge_gold(rows, options)
        failing = [f"{row['id']} ({v.verdict.value})" for row, v in zip(rows, verdicts, strict=True) if not v.passed]
        if failing:
            raise Failure(f"{split}: gold solutions that do not pass: {', '.join(failing)}")
        counts[split] = {"read": len(rows), "kept": len(rows)}
        meta = {"settings": {"descriptions": args.descriptions}} if split == "train" else None
        writing.write_split("quickstart", split, rows, counts[split], meta)
    examples = problems.ict()
    counts["ict"] = {"descriptions": len(examples), "problems": len({problem_id for problem_id, _ in examples})}
    writing.write_split("quickstart", "ict", examples, counts["ict"])
    writing.print_table(adapter("quickstart"), counts)
    return 0


if __name__ == "__main__":
    files.run(main)
