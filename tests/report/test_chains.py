"""The report on chains: problems that have no code from the seed description, on chains with known counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_report import call, here, read_csv, write_chains  # noqa: F401

from utils.report import figures
from utils.report.chains import read_chains, summarize

pytestmark = pytest.mark.usefixtures("here")  # a working folder with the toy task

# Problem by problem: codes from d0 of the first two; later ones of the third and fourth; none of the last.
RECOVERED = [["xy", "x", "", "", ""], ["x", "", "z", "", ""], ["", "x", "zz", "x", ""]]
FROM_D0 = [["x", "", "y", "", ""], ["", "", "y", "", "x"]]  # first and third; later the last


def test_problems_without_a_code_from_d0_by_hand():
    write_chains("runs/g", RECOVERED, [3, 2, 4], sampler="gibbs")
    summary = summarize(read_chains("g", "runs/g", "apps", "introductory"))
    assert summary.num_seq == 2 and summary.without_code_from_d0.tolist() == [False, False, True, True, True]
    assert summary.kept_counts.tolist() == [[2, 1, 0], [1, 0, 1], [0, 1, 2], [0, 0, 1], [0, 0, 0]]
    assert [mean for mean, _ in summary.solved] == pytest.approx([2 / 5, 3 / 5, 4 / 5])
    assert [mean for mean, _ in summary.recovered] == pytest.approx([0, 1 / 3, 2 / 3])
    assert all(low <= mean <= high for mean, (low, high) in summary.solved + summary.recovered)


def test_report_on_problems_without_a_code_from_d0(monkeypatch, capsys):
    write_chains("runs/g", RECOVERED, [3, 2, 4], sampler="gibbs")
    write_chains("runs/c", FROM_D0, [2, 2], sampler="conditional", num_seq=3)
    write_chains("runs/few", [["x", "x"]], [2], sampler="conditional", num_seq=3)
    write_chains("runs/any", [["x"] * 5], [2], sampler="conditional", keep="any")
    samplers = ["GiFT=runs/g", "RFT=runs/c", "SSD=runs/any"]
    call(monkeypatch, "chains", "--task", "introductory", "--samplers", *samplers, "--output", "out/page.png")
    text = capsys.readouterr().out
    assert "none of the samples of round 1 was kept (per problem, --num_seq: GiFT 2, RFT 3); with more samples" in text
    assert "* RFT: all rounds are from d0" in text
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    cells = {name: [re.sub(r" \(.*", "", cell) for cell in of_run] for name, *of_run in lines}
    assert cells["problems without a code from d0"] == ["3 of 5", "3 of 5", ""]
    assert cells["of these with a code in a later round"] == ["2 of 3", "1 of 3", ""]
    assert cells["their kept codes, per problem"] == ["1.33", "0.33", ""]
    assert cells["kept codes of the other problems, per problem"] == ["2.50", "1.50", ""]
    assert cells["problems that this run alone has codes for"] == ["2 of 5", "1 of 5", ""]
    summary, rounds = read_csv(Path("out/page-summary.csv")), read_csv(Path("out/page.csv"))
    assert [row["of these with a code in a later round"] for row in summary] == ["2 of 3", "1 of 3", ""]
    shares = [(row["sampler"], row["round"], row["solved"], row["recovered"]) for row in rounds]
    assert shares[1] == ("GiFT", "2", "0.6", str(1 / 3)) and shares[4:] == [
        ("RFT", "2", "0.6", str(1 / 3)),
        ("SSD", "1", "", ""),
    ]
    assert "nan" not in text

    samplers = ["GiFT=runs/g", "RFT=runs/few"]
    call(monkeypatch, "chains", "--task", "introductory", "--samplers", *samplers, "--output", "out/page.png")
    summary = read_csv(Path("out/page-summary.csv"))
    assert [row["problems that this run alone has codes for"] for row in summary] == ["0 of 2", "0 of 2"]
    assert summary[1]["problems without a code from d0"] == "0 of 2"
    assert summary[1]["their kept codes, per problem"] == ""

    capsys.readouterr()
    call(monkeypatch, "chains", "--task", "introductory", "--samplers", "SSD=runs/any", "--output", "out/page.png")
    assert "from d0" not in capsys.readouterr().out
    assert "problems without a code from d0" not in read_csv(Path("out/page-summary.csv"))[0]


def test_panels_of_solved_problems_have_the_runs_that_they_hold_for(monkeypatch):
    pages = []
    monkeypatch.setattr(figures, "save", lambda figure, path: pages.append(figure))
    write_chains("runs/g", RECOVERED, [3, 2, 4], sampler="gibbs")
    write_chains("runs/few", [["x", "x"]], [2], sampler="conditional")
    write_chains("runs/any", [["x"] * 5], [2], sampler="conditional", keep="any")
    for runs in ("g few any", "few", "any"):
        samplers = [f"{name}=runs/{name}" for name in runs.split()]
        call(monkeypatch, "chains", "--task", "introductory", "--samplers", *samplers, "--output", "page.png")
    solved, recovered = (
        next(axes for axes in pages[0].axes if axes.get_title() == f"Problems with a kept code, {which}")
        for which in ("all", "but none from d0")
    )
    assert [line.get_label() for line in solved.lines] == ["g", "few"]
    assert [line.get_label() for line in recovered.lines] == ["g"]
    assert recovered.lines[0].get_ydata() == pytest.approx([0, 1 / 3, 2 / 3])
    reasons = [[text.get_text() for axes in page.axes for text in axes.texts] for page in pages]
    assert "no problem without a code from d0" in reasons[1]
    assert reasons[2].count("kept codes are not verified (--keep any)") == 2
