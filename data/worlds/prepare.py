"""Draw a world and write `data/world-<name>/{train,test,ict,pretrain}.json`:

    python -m data.worlds.prepare --seed 0 --strength 0.5 --name s0-r0.5-o0

`train.json` holds the seed problems (a description and a gold program each, drawn together from the joint
distribution), `test.json` the test problems, `ict.json` further descriptions of the seed problems' gold programs, drawn
from P(d | program), and `pretrain.json` the training data of the base model: programs with two descriptions each,
`{"id", "wording", "style", "descriptions", "code", "slip"}`. The id of a problem is its intent. Worlds of the same seed
share their intents, their plain descriptions of seed and test problems, and their tests, at every strength and
obscurity. Same flags, same bytes.

A share of the seed and test problems, `--obscurity`, is described obscurely. Pretraining shows an obscure description
for every `--rarity` plain ones, whatever the obscurity: worlds that differ in it alone share their base model.

As on the web, not every program matches its description: in a share of the pairs, `--slips`, the base model learns to
answer a description with a `slip`, a program in the same style that differs in one operation. A slip never computes
what a seed or test intent does. Execution filtering is there to remove such programs.
"""

from __future__ import annotations

from itertools import islice

from data import flags, verification
from data.worlds import intents, joint, programs
from data.worlds.intents import Intent
from eval.adapters import World
from eval.judge.flags import options_of
from utils.run import files, paths
from utils.run.files import Failure, InputError
from utils.run.streams import stream

RARITY = 12  # an obscure description is learnt from little, a plain one well
MIN_STYLES = 4  # of a seed or test intent; others leave no choice
ICT_DESCRIPTIONS = 2  # of each seed problem
SETTINGS = (
    "seed",
    "strength",
    "seeds",
    "tests",
    "pretraining",
    "pairs",
    "slips",
    "obscurity",
    "rarity",
)  # that the files depend on


def main(argv: list[str] | None = None) -> int:
    """Draw, judge the gold programs, write; returns the exit status."""
    parser = flags.arguments(__doc__)
    parser.add_argument("--name", required=True, help="the task becomes world-<name>")
    parser.add_argument("--seed", type=int, default=0, help="key of every random draw")
    parser.add_argument(
        "--strength", type=float, default=0.5, help="0: wording and style independent; 1: wording decides"
    )
    parser.add_argument(
        "--obscurity", type=float, default=0.0, help="share of seed and test problems that are described obscurely"
    )
    parser.add_argument(
        "--rarity", type=float, default=RARITY, help="plain descriptions per obscure one in pretraining"
    )
    parser.add_argument("--seeds", type=int, default=80, help="seed problems")
    parser.add_argument("--tests", type=int, default=80, help="test problems")
    parser.add_argument("--pretraining", type=int, default=3000, help="pretraining intents")
    parser.add_argument("--pairs", type=int, default=5, help="programs of each pretraining intent")
    parser.add_argument("--slips", type=float, default=0.1, help="share of pretraining programs that miss the intent")
    parser.add_argument("--overwrite", action="store_true", help="replace a world of that name")
    options = parser.parse_args(argv)
    settings = checked_settings(options)
    task = task_of(options.name)
    if not options.overwrite and all(
        files.finished(paths.task_file(task, split), settings, {}) for split in ("train", "test", "ict", "pretrain")
    ):
        print(f"data/{task}: already exists")
        return 0
    world = draw_world(settings)
    for split in ("train", "test"):
        verdicts = verification.judge_gold(world[split], options_of(options))
        failing = [
            f"{row['id']} ({v.verdict.value})" for row, v in zip(world[split], verdicts, strict=True) if not v.passed
        ]
        if failing:
            raise Failure(f"{split}: gold programs that do not pass: {', '.join(failing)}")
    for split, rows in world.items():
        files.write_json(paths.task_file(task, split), rows, {"settings": settings, "counts": {"rows": len(rows)}})
        print(f"{paths.task_file(task, split)}: {len(rows)} rows")
    return 0


def task_of(name: str) -> str:
    """The task of a world; InputError where the name could not be a folder's."""
    if not World.is_name(f"world-{name}"):
        raise InputError(f"--name {name}: letters, digits, dots and dashes only, such as s0-r0.5-o0")
    return f"world-{name}"


def checked_settings(options) -> dict:
    """The settings that the files depend on; InputError if a flag makes no sense."""
    for flag in ("strength", "obscurity", "slips"):
        if not 0 <= getattr(options, flag) <= 1:
            raise InputError(f"--{flag} {getattr(options, flag)}: must be between 0 and 1")
    for flag in ("seeds", "tests", "pretraining", "pairs", "rarity"):
        if getattr(options, flag) < 1:
            raise InputError(f"--{flag} {getattr(options, flag)}: must be at least 1")
    return {key: getattr(options, key) for key in SETTINGS}


def draw_world(settings: dict) -> dict[str, list]:
    """The rows of every file, by split."""
    seed, strength = settings["seed"], settings["strength"]
    rare = 1 / (1 + settings["rarity"])
    splits = split_intents(seed, settings["seeds"], settings["tests"], settings["pretraining"])
    world = {split: [problem(intent, settings) for intent in splits[split]] for split in ("train", "test")}
    world["ict"] = [[row["id"], text] for row in world["train"] for text in example_descriptions(row, seed, strength)]
    world["pretrain"] = [
        pretraining_pair(intent, strength, rare, stream(seed, "pair", str(intent), index))
        for intent in splits["pretrain"]
        for index in range(settings["pairs"])
    ]
    kept_out, rng = set(map(intents.fingerprint, [*splits["train"], *splits["test"]])), stream(seed, "slips")
    for row in world["pretrain"]:
        row["slip"] = draw_slip(row, kept_out, rng) if rng.random() < settings["slips"] else None
    return world


def split_intents(seed: int, seeds: int, tests: int, pretraining: int) -> dict[str, list[Intent]]:
    """Seed, test and pretraining intents, all different functions.

    Seed and test intents are compositions that leave a choice of style. They are drawn first, so they do not depend on
    the amount of pretraining, whose intents are all single operations and further compositions.
    """
    drawn, held_out, passed_over = intents.draw_intents(seed), [], []
    while len(held_out) < seeds + tests:
        intent = next(drawn)
        choice = len(programs.styles_of_intent(intent)) >= MIN_STYLES
        (held_out if choice else passed_over).append(intent)
    singles = intents.single_operations()
    rest = [*singles, *passed_over, *islice(drawn, max(0, pretraining - len(singles) - len(passed_over)))]
    return {"train": held_out[:seeds], "test": held_out[seeds:], "pretrain": rest[:pretraining]}


def problem(intent: Intent, settings: dict) -> dict:
    """The row of a seed or test problem."""
    seed = settings["seed"]
    pair = joint.draw(intent, settings["strength"], stream(seed, "problem", str(intent)), settings["obscurity"])
    inputs, outputs = intents.make_tests(intent, seed)
    test = {"style": "io", "fn_name": programs.ENTRY_POINT, "inputs": inputs, "outputs": outputs, "stdin": False}
    return {
        "id": str(intent),
        "query": pair.description,
        "head": programs.HEAD,
        "code": pair.program,
        "test": test,
        "verified": True,
    }


def example_descriptions(row: dict, seed: int, strength: float) -> list[str]:
    """Further descriptions of a gold program, all plain, other than the seed description."""
    intent, rng, texts = intents.read(row["id"]), stream(seed, "ict", row["id"]), []
    style = programs.style_of(row["code"], intent)
    while len(texts) < ICT_DESCRIPTIONS:
        text = joint.redescribe(intent, style, strength, rng)
        if text != row["query"] and text not in texts:
            texts.append(text)
    return texts


def draw_slip(row: dict, kept_out: set[tuple], rng) -> str | None:
    """A program in the style of a pretraining pair that differs from it in one operation; None where there is none."""
    intent = intents.read(row["id"])
    others = [other for other in intents.neighbours(intent) if row["style"] in programs.styles_of_intent(other)]
    for index in rng.permutation(len(others)):
        if intents.fingerprint(others[index]) not in {*kept_out, intents.fingerprint(intent)}:
            return programs.draw_program(others[index], row["style"], rng)
    return None


def pretraining_pair(intent: Intent, strength: float, obscurity: float, rng) -> dict:
    """A program with two descriptions of it, independent draws from P(d | program)."""
    pair = joint.draw(intent, strength, rng, obscurity)
    other = joint.redescribe(intent, pair.style, strength, rng, obscurity)
    texts = [pair.description, other]
    return {
        "id": str(intent),
        "wording": pair.wording,
        "style": pair.style,
        "descriptions": texts,
        "code": pair.program,
    }


if __name__ == "__main__":
    files.run(main)
