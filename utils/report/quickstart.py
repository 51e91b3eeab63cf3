"""Cost and outcome of each step of `scripts/quickstart.sh`, and the base model against the fine-tuned one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.passk import mean_and_interval
from utils.report.figures import BLUE, GREY, ORANGE, plt, save
from utils.report.statistics import problem_differences
from utils.report.tables import markdown
from utils.run import files, paths


@dataclass(frozen=True)
class TimedStep:
    """A line of the table: a step, its time, and its candidates; None where it judges none."""

    name: str
    seconds: float
    tokens_per_second: float | None = None
    judged: int | None = None
    passed: int | None = None
    distinct: int | None = None


def timing(path: Path) -> dict:
    """The contents of a result's timing file, or {}."""
    file = files.beside(path, "timing")
    return files.read_json(file, dict) if file.exists() else {}


def sampling_steps(folder: Path) -> list[TimedStep]:
    """The steps of stage 1 in a `--save_dir`, in order."""
    steps = []
    for round_ in range(1, len(list((folder / "code").glob("code_r*.meta.json"))) + 1):
        codes, descriptions = folder / "code" / f"code_r{round_}.json", folder / "sum" / f"sum_r{round_}.json"
        counts, cost = files.read_meta(codes)["counts"], timing(codes)
        totals = (counts["samples"], counts["passed"], counts["distinct"])
        steps.append(TimedStep(f"stage 1, round {round_}: codes", cost["seconds"], cost["tokens_per_second"], *totals))
        if descriptions.exists():
            cost = timing(descriptions)
            steps.append(
                TimedStep(f"stage 1, round {round_}: descriptions", cost["seconds"], cost["tokens_per_second"])
            )
    return steps


def evaluation_step(name: str, task: str, output_dir: str, epoch: int) -> TimedStep:
    """The step of one evaluation of stage 3: generation and judging."""
    path = paths.generations(task, output_dir, epoch)
    rows, cost = files.read_json(path), timing(path)
    passed = {row["solution"] for row in rows if row["passed"]}
    counts = (len(rows), sum(bool(row["passed"]) for row in rows), len(passed))
    return TimedStep(name, cost["seconds"], cost["tokens_per_second"], *counts)


def quickstart_steps(run: str, base: dict, tuned: list[dict]) -> list[TimedStep]:
    """All steps of a quickstart run."""
    folder = Path("runs") / run
    scored = timing(paths.perplexity_file(folder / "code" / "passed_seq_code.json"))
    steps = [evaluation_step("base model, test problems", base["task"], f"{run}-base", 0), *sampling_steps(folder)]
    steps.append(TimedStep("stage 2: perplexity", scored["seconds"], scored["tokens_per_second"]))
    task = tuned[0]["task"]
    for cost in timing(paths.results(task, f"{run}-gift"))["epochs"]:
        seconds, epoch = cost["training_seconds"], cost["epoch"]
        steps.append(TimedStep(f"stage 3, epoch {epoch}: training", seconds, cost["training_tokens"] / seconds))
        steps.append(evaluation_step(f"stage 3, epoch {epoch}: test problems", task, f"{run}-gift", epoch))
    return steps


def steps_table(steps: list[TimedStep]) -> str:
    """Time, rate, judged candidates, share that pass and distinct passing codes of each step."""

    def cells(step: TimedStep) -> list[str]:
        minutes = f"{int(step.seconds) // 60}:{int(step.seconds) % 60:02d}"
        rate = f"{step.tokens_per_second:.0f}" if step.tokens_per_second else ""
        if not step.judged:
            return [step.name, minutes, rate, "", "", ""]
        return [step.name, minutes, rate, str(step.judged), f"{step.passed / step.judged:.0%}", str(step.distinct)]

    return markdown(
        ["step", "time", "tokens/s", "judged", "passing", "distinct codes"], [cells(step) for step in steps]
    )


def scores_table(entries: dict[str, dict]) -> str:
    """pass@k with 95 % intervals, one line per model."""
    ks = list(next(iter(entries.values()))["pass_at_k"])
    rows = []
    for name, entry in entries.items():
        cells = [name, str(entry["n_problems"])]
        for k in ks:
            low, high = entry["ci95"][k]
            cells.append(f"{entry['pass_at_k'][k]:.1%} ({100 * low:.1f} to {100 * high:.1f})")
        rows.append(cells)
    return markdown(["model", "problems", *(f"pass@{k} (95 % interval)" for k in ks)], rows)


def difference(base: dict, tuned: dict) -> tuple[float, tuple[float, float]]:
    """Paired difference in pass rate, fine-tuned minus base: mean over common problems and its 95 % interval."""
    rates = [{i: c / n if n else 0.0 for i, (n, c) in entry["per_problem"].items()} for entry in (tuned, base)]
    return mean_and_interval(problem_differences(*rates))


def quickstart_figure(steps: list[TimedStep], entries: dict[str, dict], path: Path) -> None:
    """Three panels: time by step, codes that pass by round, pass@1 before and after fine-tuning."""
    figure, (times, rounds, scores) = plt.subplots(1, 3, figsize=(15, 4.6), width_ratios=(1.25, 1, 0.8))
    times.barh([step.name for step in steps], [step.seconds for step in steps], color=GREY)
    times.invert_yaxis()
    times.set_xlabel("seconds")
    times.set_title("Time by step")

    sampled = [step for step in steps if step.name.endswith(": codes")]
    positions = range(1, len(sampled) + 1)
    shares = [100 * step.passed / step.judged for step in sampled]
    bars = rounds.bar(positions, shares, color=BLUE, width=0.5)
    labels = [f"{share:.0f} %\n{step.distinct} distinct" for share, step in zip(shares, sampled, strict=True)]
    rounds.bar_label(bars, labels, padding=3)
    rounds.set_xticks(list(positions), [f"round {i}" for i in positions])
    rounds.set_ylim(0, max(10, 1.35 * max(shares)))
    rounds.set_ylabel("codes that pass (%)")
    rounds.set_title("Stage 1: codes sampled")

    values = [100 * entry["pass_at_k"]["1"] for entry in entries.values()]
    errors = [
        [value - 100 * entry["ci95"]["1"][0], 100 * entry["ci95"]["1"][1] - value]
        for value, entry in zip(values, entries.values(), strict=True)
    ]
    bars = scores.bar(
        list(entries), values, yerr=list(zip(*errors, strict=True)), color=[GREY, ORANGE], width=0.5, capsize=5
    )
    scores.bar_label(bars, [f" {value:.1f} %" for value in values], label_type="center", color="white")
    scores.set_ylim(0, 1.15 * max(value + error[1] for value, error in zip(values, errors, strict=True)) or 1)
    scores.set_ylabel("pass@1 (%), 95 % interval")
    scores.set_title(f"{next(iter(entries.values()))['n_problems']} test problems")
    figure.tight_layout()
    save(figure, path)


def report(run: str) -> None:
    """Print the tables of a quickstart run and write its figure."""
    base = files.read_json(paths.results("quickstart", f"{run}-base"), list, "run scripts/quickstart.sh")[0]
    tuned = files.read_json(paths.results("quickstart", f"{run}-gift"), list, "run scripts/quickstart.sh")
    steps = quickstart_steps(run, base, tuned)
    entries = {"base": base, "fine-tuned": tuned[-1]}
    change, (low, high) = difference(base, tuned[-1])
    figure = paths.results("quickstart", run).with_suffix(".png")
    quickstart_figure(steps, entries, figure)
    print(f"{base['model']}, seed {base['seed']}\n")
    print(steps_table(steps) + "\n")
    print(scores_table(entries) + "\n")
    verdict = "more than the noise" if low > 0 or high < 0 else "within the noise"
    print(f"Fine-tuned vs base, pass@1: {100 * change:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}), {verdict}.")
    print(f"Figure: {figure}")
