"""Reports on files of the stages' formats: every number against one found by hand or another way."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy import REPOSITORY, toy_rows, write_task

from eval import registry
from utils.model.curves import NO_TENSORBOARD, Curves
from utils.report import __main__ as report
from utils.report import preview, results
from utils.report.chains import read_chains, summarize
from utils.run import files
from utils.run.dist import Ranks
from utils.run.files import InputError
from utils.selection import Draw, draw, weights

SETTINGS = {"dataset": "apps", "task": "introductory", "keep": "all", "num_seq": 2, "limit": 0}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with the toy task."""
    monkeypatch.chdir(write_task(tmp_path))
    return tmp_path


def call(monkeypatch, *flags) -> None:
    """`python -m utils.report` with these flags."""
    monkeypatch.setattr(sys, "argv", ["report", *map(str, flags)])
    assert report.main() == 0


def read_csv(path: Path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


# Results of stage 3


def write_run(
    name: str, method: str, seed: int, counts: dict, weighted: bool = False, sampled: int = 8, **settings
) -> None:
    """A results file of one epoch: `counts` are `{problem: (samples, passed)}`."""
    rates = [c / n if n else 0.0 for n, c in counts.values()]
    samples, passed = (sum(column) for column in zip(*counts.values(), strict=True))
    entry = {"task": "mbpp", "model": "m", "method": method, "seed": seed, "epoch": 2, "n_problems": len(counts)}
    entry |= {"sampler": {"RFT": "conditional", "GiFT": "gibbs"}.get(method), "per_problem": counts}
    entry |= {"pass_at_k": {"1": sum(rates) / len(rates)}, "ci95": {"1": [0, 1]}}
    entry |= {"verdicts": {"PASS": passed, "WRONG": samples - passed}, "settings": {"seed": seed, **settings}}
    if method not in ("base", "SFT"):
        entry["pairs"] = {"gold": 4, "sampled": sampled}
    inputs = {"weights": "x"} if weighted else {}
    files.write_json(Path("results/mbpp") / f"{name}.json", [entry], {"settings": {}, "inputs": inputs})


def counts(*passed: int) -> dict:
    """Problems with ten samples each."""
    return {str(i): [10, c] for i, c in enumerate(passed)}


@pytest.fixture
def study(here) -> Path:
    """RFT and GiFT over two seeds, the base model once, GiFT without selection on one seed."""
    write_run("a", "base", 1, counts(0, 2, 4, 6))
    for seed, extra in ((1, 0), (2, 1)):
        write_run(f"b{seed}", "RFT", seed, counts(1, 3, 5 + extra, 6), num_seq=8)
        write_run(f"c{seed}", "GiFT", seed, counts(3, 5, 7 + extra, 8), weighted=True, num_seq=8)
    write_run("d", "GiFT", 1, counts(1, 3, 5, 7), num_seq=8)
    return here


def test_rows_gather_seeds_and_name_what_differs(study):
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    found = [(row.label, sorted(row.runs), row.missing) for row in rows]
    assert found == [
        ("base", [1], []),
        ("RFT", [1, 2], []),
        ("GiFT, by perplexity", [1, 2], []),
        ("GiFT, uniform", [1], ["no run with seed 2"]),
    ]


def test_rules_of_selection_are_rows_of_their_own(study):
    for rule in ("rarity", "distinct"):
        write_run(rule, "GiFT", 1, counts(1, 3, 5, 7), num_seq=8, selection=rule)
    write_run("explicit", "GiFT", 2, counts(1, 3, 5, 7), num_seq=8, selection="uniform")
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    assert {row.label: sorted(row.runs) for row in rows if row.method == "GiFT"} == {
        "GiFT, by perplexity": [1, 2],
        "GiFT, uniform": [1, 2],
        "GiFT, by rarity": [1],
        "GiFT, distinct": [1],
    }


def test_scores_by_hand(study):
    base, rft, gift, _ = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    score = results.score(gift, 1, rft)
    assert score.mean == pytest.approx(58.75)  # 57.5 and 60 percent
    assert score.deviation == pytest.approx(2.5 / 2**0.5)
    assert score.difference == (pytest.approx(20), pytest.approx((20, 20)))  # 20 points on every problem and seed
    assert score.p == pytest.approx(2 / 10_001)
    assert results.score(rft, 1).difference is None
    alone = results.score(base, 1, rft)
    assert alone.deviation is None
    assert alone.difference[0] == pytest.approx(30 - (37.5 + 40) / 2), "one base model against both seeds"


def test_tables_have_the_published_numbers_and_say_what_is_missing(study, monkeypatch, capsys):
    call(monkeypatch, "tables", "--task", "mbpp", "--output_dir", "out", "--against", "num_seq")
    text = capsys.readouterr().out
    assert text == (study / "out/mbpp.md").read_text() + "\n"
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    gift = next(line for line in lines if line[1] == "GiFT, by perplexity")
    assert gift[2:6] == ["1, 2", "4", "58.8", "1.8"] and gift[7:10] == ["+20.0 (+20.0 to +20.0)", "< 0.001", "ours"]
    quoted = [(line[0], line[1], line[4]) for line in lines if "quoted from the paper" in line]
    assert ("DeepSeek-Coder-6.7B", "GiFT", "67.9") in quoted and ("CodeLlama-7B", "RFT", "55.3") in quoted
    assert "no run with seed 2" in text
    rows = read_csv(study / "out/mbpp.csv")
    assert [row["source"] for row in rows].count("ours") == 4 and len(rows) == 8
    assert float(rows[2]["share_PASS"]) == pytest.approx(0.5875)
    assert {"mbpp-pass1.png", "mbpp-verdicts.png", "mbpp-num_seq-pass1.png"} <= {p.name for p in study.glob("out/*")}


def test_runs_without_a_sampled_code_are_compared_and_named(here, monkeypatch, capsys):
    """As on APPS+ with a small model, which solves none of the seed problems."""
    for method in ("RFT", "GiFT"):
        write_run(method, method, 1, {"p1": (10, 0), "p2": (10, 0)}, sampled=0, num_seq=2)
    call(monkeypatch, "tables", "--task", "mbpp", "--output_dir", "out", "--against", "num_seq")
    assert capsys.readouterr().out.count("no sampled code to train on with seed 1: gold pairs alone") == 2
    assert (here / "out/mbpp-num_seq-pass1.png").exists()


def test_a_prompt_that_does_not_fit_fails_and_a_problem_without_enough_samples_does_not_count(here):
    for method, passed in (("RFT", 2), ("GiFT", 4)):
        write_run(method, method, 1, {"p1": (0, 0), "p2": (4, passed), "p3": (3, 3)})
    gift, rft = sorted(results.make_rows(results.read_runs("mbpp", ["*"])[0]), key=lambda row: row.method)
    assert results.score(gift, 1, rft).mean == pytest.approx((0 + 100 + 100) / 3)
    assert results.score(gift, 1, rft).difference[0] == pytest.approx(50 / 3)
    assert results.scored_problems(gift, 4) == ["p1", "p2"]


def test_an_unfinished_run_is_named(here, monkeypatch, capsys):
    write_run("a", "RFT", 1, {"p1": (1, 0), "p2": (1, 1)}, num_epoch=2)
    write_run("b", "RFT", 2, {"p1": (1, 0), "p2": (1, 1)}, num_epoch=2, eval_only=True)
    write_run("c", "GiFT", 1, {"p1": (1, 0), "p2": (1, 1)}, num_epoch=3)
    call(monkeypatch, "tables", "--task", "mbpp", "--output_dir", "out")
    assert capsys.readouterr().out.count("seed 1 has finished 2 of 3 epochs") == 1


def test_a_row_without_its_baseline_is_shown(here, monkeypatch, capsys):
    write_run("only", "GiFT", 1, counts(1, 2))
    call(monkeypatch, "tables", "--task", "mbpp", "--runs", "on*", "rft-1", "--output_dir", "out")
    said = capsys.readouterr().out
    assert "no RFT run to compare with" in said and "No results yet: rft-1." in said


def test_unverified_self_distillation_has_its_row_and_a_note(study):
    write_run("m-1-any", "SSD", 1, counts(3, 4, 5), no_gold=True)
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    assert [row.method for row in rows][:3] == ["base", "SSD", "RFT"]
    said = results.notes(rows, "mbpp")
    assert sum(note.startswith("SSD: trained on unverified codes") for note in said) == 1
    assert not any("not run alike" in note and "no_gold" in note for note in said), "it is not meant to be alike"
    assert results.notes([row for row in rows if row.method != "SSD"], "mbpp") == [
        note for note in said if not note.startswith("SSD")
    ]


def test_runs_told_apart_by_name_alone_are_rows_of_their_own(here):
    for name in ("1-x", "1-y", "2-x"):
        write_run(name, "RFT", int(name[0]), counts(1, 2))
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    assert [(row.label, sorted(row.runs)) for row in rows] == [("RFT, *-x", [1, 2]), ("RFT, *-y", [1])]


def test_settings_of_earlier_stages_tell_rows_apart(here):
    for name, temperature in (("hot", 1.2), ("cold", 0.4)):
        write_run(name, "GiFT", 1, counts(1, 2))
        path = Path("results/mbpp") / f"{name}.json"
        entries = files.read_json(path)
        entries[0]["sources"] = [{"codes": {"temperature": temperature, "seed": 7}, "perplexities": None}]
        files.write_json(path, entries, {"inputs": {}})
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    assert [row.label for row in rows] == ["GiFT, stage 1 temperature 0.4", "GiFT, stage 1 temperature 1.2"]


def test_rounds_and_turns_are_drawn_in_their_order(here, monkeypatch):
    """Flags that are left out where they have their defaults; turns sample with models of their own."""
    drawn = []
    monkeypatch.setattr(report.figures, "save", lambda figure, path: drawn.append(figure))
    for name, flags in (("all", {}), ("five", {"rounds": "1-5"}), ("ten", {"rounds": "1-10"}), ("two", {"turn": 2})):
        for seed in (1, 2):
            write_run(f"{name}{seed}", "GiFT", seed, counts(1, seed), weighted=True, **flags)
            path = Path("results/mbpp") / f"{name}{seed}.json"
            entries = files.read_json(path)
            first = {"model": "m", "revision": "r", "num_seq": 3}
            later = {**first, "model": f"turn1-{seed}", "revision": f"r{seed}"}
            sources = [first, later] if "turn" in flags else [first]
            entries[0]["sources"] = [{"codes": one, "perplexities": one} for one in sources]
            files.write_json(path, entries, {"inputs": {"weights": "x"}})
    rows = results.make_rows(results.read_runs("mbpp", ["*"])[0])
    assert {(row.label, len(row.runs)) for row in rows} == {
        ("GiFT", 2),
        ("GiFT, rounds 1-5", 2),
        ("GiFT, rounds 1-10", 2),
        ("GiFT, turn 2", 2),
    }
    for pattern, setting, ticks in (
        ("[aft][lie]*", "rounds", ["1-5", "1-10", "all"]),
        ("[at][lw]*", "turn", ["1", "2"]),
    ):
        call(monkeypatch, "tables", "--task", "mbpp", "--runs", pattern, "--against", setting, "--output_dir", "out")
        (axes,) = drawn[-2].axes
        assert [label.get_text() for label in axes.get_xticklabels()] == ticks
        assert [label.get_text() for label in axes.get_legend().get_texts()] == ["GiFT"]
    with pytest.raises(InputError, match="--against speed: no run has this setting; there are .*rounds"):
        call(monkeypatch, "tables", "--task", "mbpp", "--against", "speed", "--output_dir", "out")


def test_bad_results_are_one_line(study):
    with pytest.raises(InputError, match="no results in .* match; it has a, b1"):
        results.read_runs("mbpp", ["nothing*"])
    Path("results/mbpp/e.json").write_text('[{"model": "m"}]')
    with pytest.raises(InputError, match="e.json: entry 0 lacks method"):
        results.read_runs("mbpp", ["e"])
    done = subprocess.run(
        [sys.executable, "-m", "utils.report", "tables", "--task", "mbpp", "--runs", "e", "--output_dir", "out"],
        cwd=study,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (study / "out").exists()


# Chains of stage 1

BODIES = {"x": "return a + b", "y": "return b + a", "z": "c = a + b\n    return c"}


def program(head: str, description: str, body: str) -> str:
    return f'{head}\n    """ {description}"""\n    {body}'


def write_chains(
    folder: str, rounds: list[list[str]], passing: list[int], scores: dict | None = None, **changes
) -> Path:
    """A stage 1 of the toy task's first problems; a round has for each problem the bodies kept, "" for none."""
    count = len(rounds[0])
    rows, settings = toy_rows()[:count], {**SETTINGS, "limit": count, **changes}
    inputs = {"train": files.sha256("data/introductory/train.json")}
    texts = [[row["query"], "Sum of the two", "Something else entirely"] for row in rows]
    codes = [
        [[program(rows[p]["head"], texts[p][i], BODIES[b]) for b in kept] for p, kept in enumerate(round_)]
        for i, round_ in enumerate(rounds)
    ]
    place = Path(folder)
    for i, (own, passed) in enumerate(zip(codes, passing, strict=True), 1):
        samples = count * settings["num_seq"]
        meta = {"settings": settings, "inputs": inputs, "counts": {"samples": samples, "passed": passed}}
        files.write_json(place / f"code/code_r{i}.json", own, meta)
        if i < len(codes):
            files.write_json(place / f"sum/sum_r{i}.json", [[text[i]] for text in texts], meta)
    together = [[code for own in codes for code in own[p]] for p in range(count)]
    numbered = [[i for i, own in enumerate(codes, 1) for _ in own[p]] for p in range(count)]
    file = place / "code/passed_seq_code.json"
    files.write_json(file, together, {"settings": settings, "inputs": inputs, "rounds": numbered})
    if scores is not None:
        files.write_json(place / "code/ppl-passed_seq_code.json", scores, {"inputs": {"code": files.sha256(file)}})
    return file


KEPT = [["xy", "x"], ["xx", ""], ["z", "x"]]  # problem 0: x y, x x, z; problem 1: x, nothing, x
SCORES = {"0": 2.0, "1": 4.0, "2": 3.0, "3": 3.0, "4": 8.0, "5": 1.5, "6": 6.0}


def test_summary_of_chains_by_hand(here):
    write_chains("runs/g", KEPT, [3, 2, 2], SCORES)
    found = summarize(read_chains("g", "runs/g", "apps", "introductory"))
    assert found.samples == [4, 8, 12] and found.passing == [0.75, 0.5, 0.5]
    assert found.distinct == {"exact": [3, 1, 2], "renamed": [3, 1, 2], "shape": [2, 1, 2]}
    assert found.distinct_by_problem["exact"].tolist() == [[2, 2, 3], [1, 1, 1]]
    assert found.distinct_by_problem["shape"].tolist() == [[1, 1, 2], [1, 1, 1]], "a + b and b + a have one shape"
    assert [mean for mean, _ in found.coverage["exact"]] == [1.5, 1.5, 2]
    assert found.perplexities == sorted(SCORES.values())
    # "return the sum of a and b" and "return twice the number" against "sum of the two": 3 words and 1 in common
    words = [1, np.mean([2 * 3 / (7 + 4), 2 * 1 / (4 + 4)]), 0]
    assert [mean for mean, _ in found.overlap] == pytest.approx(words)
    logs = np.log([[np.sqrt(8), 3, 8], [1.5, np.nan, 6]])
    centred = logs - np.nanmean(logs, axis=1, keepdims=True)
    assert [mean for mean, _ in found.surprise] == pytest.approx(np.nanmean(centred, axis=0))
    slopes = (logs[0, 2] - logs[0, 0]) + (logs[1, 2] - logs[1, 0])  # rounds are -1, 0, 1 and -1, 1 away from the mean
    assert found.trend[0] == pytest.approx(slopes / (2 + 2))
    squares = (centred[0] ** 2).sum()  # the second problem has no neighbouring rounds
    products = centred[0, 0] * centred[0, 1] + centred[0, 1] * centred[0, 2]
    assert found.lag1[0] == pytest.approx((products + 2 * squares / 6) / (2 * squares / 2))


def test_page_and_tables_of_chains(here, monkeypatch, capsys):
    write_chains("runs/g", KEPT, [3, 2, 2], SCORES)
    write_chains("runs/c", [["x", "x"], ["x", ""]], [2, 1], None, keep="one")
    write_chains("runs/any", [["x", "x"], ["x", "z"]], [2, 1], None, keep="any")
    samplers = ["GiFT=runs/g", "RFT=runs/c", "SSD=runs/any"]
    call(monkeypatch, "chains", "--task", "introductory", "--samplers", *samplers, "--output", "out/page.png")
    text = capsys.readouterr().out
    assert (
        "RFT, SSD: not scored by stage 2" in text
        and "RFT: of a problem's passing codes in a round one was kept" in text
    )
    assert "SSD: of a problem's codes, passing or not, in a round one was kept (--keep any)" in text
    assert "The budgets differ (GiFT 12, RFT 8, SSD 8 samples)" in text
    assert (here / "out/page.png").read_bytes().startswith(b"\x89PNG")
    rows = read_csv(here / "out/page.csv")
    assert [(row["sampler"], row["round"], row["samples"]) for row in rows][2:4] == [
        ("GiFT", "3", "12"),
        ("RFT", "1", "4"),
    ]
    assert rows[4]["log_perplexity"] == "" and float(rows[0]["per_problem_exact"]) == 1.5
    summary = read_csv(here / "out/page-summary.csv")
    assert summary[0]["distinct per problem, exact"].startswith("1.50 ("), "at the eight samples that both have drawn"
    assert [row["problems solved"] for row in summary] == ["2 of 2", "2 of 2", ""]


def test_chains_that_do_not_fit_are_refused(here):
    file = write_chains("runs/g", KEPT, [3, 2, 2], SCORES)
    with pytest.raises(InputError, match="holds no finished round"):
        read_chains("g", "runs/nowhere", "apps", "introductory")
    with pytest.raises(InputError, match="was sampled for introductory; give --task introductory"):
        read_chains("g", "runs/g", "quickstart", "quickstart")
    files.write_json(file, [[], []], {"settings": {}, "inputs": {}})
    with pytest.raises(InputError, match="holds other codes than the rounds"):
        read_chains("g", "runs/g", "apps", "introductory")
    task = Path("data/introductory/train.json")
    task.write_text(task.read_text().replace("Return", "Give"))
    with pytest.raises(InputError, match="other training problems"):
        read_chains("g", "runs/g", "apps", "introductory")


def test_samplers_need_names_of_their_own(here, monkeypatch):
    for given, said in ((["GiFT"], "expected NAME=SAVE_DIR"), (["a=x", "a=y"], "a name stands twice")):
        with pytest.raises(InputError, match=said):
            call(monkeypatch, "chains", "--task", "introductory", "--samplers", *given, "--output", "page.png")
    with pytest.raises(InputError, match="--task nothing: unknown"):
        call(monkeypatch, "chains", "--task", "nothing", "--samplers", "a=x", "--output", "page.png")


# Selection of stage 3


def test_preview_is_what_is_drawn():
    """Shares of the preview against shares of a real draw by the stage's own function."""
    codes = [f"def f(a):\n    return a + {i}" for i in range(4)]
    perplexities = [1.0, 1.3, 1.1, 2.0]
    choice = preview.scored_problems([7], [codes], [perplexities])
    found = preview.preview(choice, 1.5, 3)
    drawn = np.bincount(draw("7", codes, perplexities, Draw(40_000, 1, 1.5, True)), minlength=4) / 40_000
    assert found.heaviest == pytest.approx(drawn.max(), abs=0.01)
    assert found.rarest == pytest.approx(0.4 * drawn[3], abs=0.01)
    assert found.effective == pytest.approx(1 / (drawn**2).sum(), abs=0.05)
    sets = [len(set(draw("7", codes, perplexities, Draw(3, seed, 1.5, True)))) for seed in range(1000)]
    assert found.distinct == pytest.approx(np.mean(sets), abs=0.06)


def test_an_outlier_is_warned_of_with_a_temperature_that_helps():
    codes = [["def f():\n    return 1"] * 3, ["def f():\n    return 2"] * 2]
    problems = preview.scored_problems(["calm", "wild"][::-1], codes, [[2.0, 2.1, 60.0], [1.5, 1.6]])
    found = preview.preview(problems, 2.0, 8)
    said = preview.warning(problems, found)
    assert "in 1 of 2 problems" in said and "problem wild, perplexity 60 against a median of 2.1" in said
    lower = float(said.split("at most --temperature ")[1].split(",")[0])
    assert 0.9 < weights([2.0, 2.1, 60.0], lower).max() <= preview.TOO_MUCH
    assert preview.warning(problems, preview.preview(problems, lower, 8)) == ""


def test_selection_report(here, monkeypatch, capsys):
    file = write_chains("runs/g", KEPT, [3, 2, 2], SCORES)
    flags = ["--task", "introductory", "--limit", 2, "--selfsample_code_source", file]
    call(monkeypatch, "selection", *flags, "--temperature", 0, 2, "--output", "out/selection.png")
    assert "warning: --temperature 2: in 2 of 2 problems one code takes over 95%" in capsys.readouterr().out
    rows = read_csv(here / "out/selection.csv")
    assert rows[0]["effective codes"] == "3.50" and rows[0]["share of the rarest tenth"] == "10.0%"
    with pytest.raises(InputError, match="--temperature"):
        call(monkeypatch, "selection", *flags, "--temperature", "nan")
    with pytest.raises(InputError, match="ppl-passed_seq_code.json: no such file"):
        Path("runs/g/code/ppl-passed_seq_code.json").unlink()
        call(monkeypatch, "selection", *flags)


# Export


def test_export_is_read_by_datasets(here, monkeypatch):
    from datasets import load_dataset

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    scores = {key: value for key, value in SCORES.items() if key != "1"}  # one did not fit stage 2
    file = write_chains("runs/g", KEPT, [3, 2, 2], scores)
    call(
        monkeypatch,
        *["export", "--task", "introductory", "--limit", 2, "--selfsample_code_source", file, "--output", "p.jsonl"],
    )
    rows = list(load_dataset("json", data_files="p.jsonl", split="train", cache_dir=str(here / "cache")))
    assert [(row["problem_id"], row["round"]) for row in rows] == [("0", r) for r in (1, 1, 2, 2, 3)] + [
        ("1", 1),
        ("1", 3),
    ]
    assert [row["perplexity"] for row in rows] == [2.0, None, 3.0, 3.0, 8.0, 1.5, 6.0]
    assert {row["verdict"] for row in rows} == {"PASS"}
    meta = {**files.read_meta(file), "settings": {"keep": "any"}}
    files.write_json(file, json.loads(file.read_text()), meta)
    call(
        monkeypatch,
        *["export", "--task", "introductory", "--limit", 2, "--selfsample_code_source", file, "--output", "any.jsonl"],
        *["--weight_file1", file.with_name("ppl-passed_seq_code.json")],
    )
    unverified = [json.loads(line) for line in Path("any.jsonl").read_text().splitlines()]
    assert [row | {"verdict": "PASS"} for row in unverified] == rows
    assert {row["verdict"] for row in unverified} == {None}
    assert rows[2]["description"] == "Sum of the two" and rows[2]["seed_description"] == toy_rows()[0]["query"]
    scope: dict = {}
    exec(rows[4]["code"], scope)
    assert scope["add"](2, 3) == 5 and '"""' not in rows[4]["code"]


# Training curves

EVALUATION = {"epoch": 1, "pass_at_k": {"1": 0.5}, "ci95": {"1": [0.25, 0.75]}, "n_problems": 4}


def test_curves_are_written_anew_from_the_state_and_then_grow(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    main = Ranks(0, 0, 1, 1, None)
    first = Curves(tmp_path / "logs", main)
    first.begin([[]], [])
    for loss in (3.0, 2.0, 1.0):  # the last of them is lost with the kill
        first.add_step(1, (loss, 1e-5, 100.0))
    assert capsys.readouterr().err.strip() == NO_TENSORBOARD
    second = Curves(tmp_path / "logs", main)
    second.begin([[(3.0, 1e-5, 100.0), (2.0, 1e-5, 100.0)]], [])
    second.add_step(1, (1.5, 5e-6, 50.0))
    second.add_evaluation(EVALUATION)
    second.add_step(2, (1.0, 0.0, 50.0))
    rows = read_csv(tmp_path / "logs/training.csv")
    assert [(row["step"], row["epoch"], float(row["loss"])) for row in rows] == [
        ("1", "1", 3.0),
        ("2", "1", 2.0),
        ("3", "1", 1.5),
        ("4", "2", 1.0),
    ]
    assert rows[2]["learning_rate"] == "5e-06" and rows[2]["tokens_per_second"] == "50"
    (score,) = read_csv(tmp_path / "logs/evaluation.csv")
    assert score == {"epoch": "1", "k": "1", "pass_at_k": "0.5", "low": "0.25", "high": "0.75", "problems": "4"}


def test_only_the_main_rank_writes_curves(tmp_path):
    other = Curves(tmp_path / "logs", Ranks(1, 1, 2, 2, None))
    other.begin([[(3.0, 1e-5, 100.0)]], [EVALUATION])
    other.add_step(1, (3.0, 1e-5, 100.0))
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_has_every_step_once(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed; it is optional")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for behind in ([[]], [[(3.0, 1e-5, 100.0)]]):
        curves = Curves(tmp_path / "logs", Ranks(0, 0, 1, 1, None))
        curves.begin(behind, [])
        curves.add_step(1, (2.0, 1e-5, 100.0))
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("training/loss")] == [(1, 3.0), (2, 2.0)]


def test_every_task_has_its_data_set():
    assert registry.dataset_of("interview") == "apps" and registry.dataset_of("mbpp") == "mbpp"
    assert registry.dataset_of("world-small") == "world-small"
