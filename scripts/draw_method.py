"""Draw the README's picture of the method:

    python scripts/draw_method.py [--output assets/gift.png]

Left: the chain that stage 1 runs for every problem. Right: why, in the joint space of descriptions and codes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import patches
from matplotlib import pyplot as plt

BLUE, ORANGE, GREEN, GREY, PALE = "#3b6ea5", "#d9822b", "#4c9a6a", "#6b7078", "#f3f4f6"


def box(axes, centre: tuple, text: str, colour: str, size: tuple = (2.3, 0.9)) -> None:
    """A rounded box with centred text; `size` is its width and height."""
    corner = [middle - side / 2 for middle, side in zip(centre, size, strict=True)]
    axes.add_patch(patches.FancyBboxPatch(corner, *size, boxstyle="round,pad=0.06", fc="white", ec=colour, lw=1.8))
    axes.text(*centre, text, ha="center", va="center", fontsize=10.5, color="#22252a")


def arrow(axes, start: tuple, end: tuple, colour: str = GREY, bend: float = 0.0) -> None:
    """An arrow without a label."""
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.7, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", end, start, arrowprops=style)


def label(axes, centre: tuple, text: str, colour: str = GREY) -> None:
    """The label of an arrow."""
    axes.text(*centre, text, ha="center", va="center", fontsize=9.5, color=colour)


def draw_chain(axes) -> None:
    """One chain of stage 1, and what stages 2 and 3 make of the codes that it keeps."""
    axes.set(xlim=(0, 13.2), ylim=(0, 6.4))
    axes.axis("off")
    axes.text(0.1, 6.1, "One chain for every problem (stage 1)", fontsize=12.5, weight="bold", color="#22252a")
    box(axes, (1.5, 4.7), "seed description\n$d_0$", BLUE)
    box(axes, (5.2, 4.7), "codes\n$c \\sim P(c \\mid d_{i-1})$", ORANGE)
    box(axes, (8.7, 4.7), "judge:\nrun the tests", GREY, (1.9, 0.9))
    box(axes, (11.8, 4.7), "a passing code\n$c_i$", GREEN, (2.2, 0.9))
    box(axes, (8.7, 2.7), "description\n$d_i \\sim P(d \\mid c_i)$", BLUE, (2.5, 0.9))
    arrow(axes, (2.75, 4.7), (3.95, 4.7))
    label(axes, (3.35, 4.92), "round 1")
    arrow(axes, (6.45, 4.7), (7.65, 4.7))
    arrow(axes, (9.75, 4.7), (10.6, 4.7))
    arrow(axes, (11.8, 4.15), (10.05, 2.75), GREEN, bend=-0.3)
    label(axes, (12.1, 3.1), "describe it", GREEN)
    arrow(axes, (7.35, 2.7), (5.2, 4.15), BLUE, bend=-0.3)
    label(axes, (4.9, 2.7), "next round", BLUE)
    box(axes, (1.5, 0.8), "model,\nfine-tuned", ORANGE)
    box(axes, (6.0, 0.8), "$(d_0, c)$ pairs: rare codes\nare drawn more often\n(stage 3)", GREEN, (3.3, 1.05))
    box(axes, (11.1, 0.8), "all kept codes and\ntheir perplexity\n(stage 2)", GREY, (2.7, 1.05))
    arrow(axes, (12.7, 4.1), (12.3, 1.45), bend=-0.12)
    arrow(axes, (9.6, 0.8), (7.8, 0.8))
    arrow(axes, (4.2, 0.8), (2.75, 0.8))


def draw_space(axes) -> None:
    """Conditional draws stay in one column of the joint space; the chain walks through all of it."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 700)
    y = 0.75 * x + rng.normal(0, 0.55, 700)
    axes.scatter(x, y, s=9, color="#c9cdd3", label="joint space of one intent", zorder=1)
    column = np.abs(x + 1.15) < 0.13
    axes.scatter(x[column], y[column], s=24, color=BLUE, label="codes from $d_0$ alone (RFT)", zorder=3)
    axes.axvspan(-1.28, -1.02, color=BLUE, alpha=0.13, lw=0)
    path = [
        (-1.15, -0.9),
        (-1.15, -0.35),
        (-0.35, -0.35),
        (-0.35, 0.3),
        (0.55, 0.3),
        (0.55, 0.95),
        (1.4, 0.95),
        (1.4, 1.55),
    ]
    axes.plot(*zip(*path, strict=True), color=ORANGE, lw=1.8, zorder=4)
    stops = path[1::2]
    axes.scatter(*zip(*stops, strict=True), s=34, color=ORANGE, label="codes of the chain (GiFT)", zorder=5)
    axes.set(xlabel="descriptions  $d$", ylabel="codes  $c$", xticks=[-1.15], xlim=(-3, 3), ylim=(-3.4, 2.6))
    axes.set_xticklabels(["$d_0$"])
    axes.set_yticks([])
    axes.set_title("Why: one wording shows few of the codes", fontsize=12.5, weight="bold", color="#22252a", loc="left")
    axes.legend(loc="lower right", fontsize=9.5, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("assets/gift.png"))
    output = parser.parse_args().output
    figure, (chain, space) = plt.subplots(1, 2, figsize=(15, 5), width_ratios=(1.9, 1))
    draw_chain(chain)
    draw_space(space)
    figure.tight_layout(w_pad=2)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
