"""Charts as PNG, where matplotlib is installed (extra `load`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

INK, QUIET, GRID = "#1f2933", "#7b8794", "#e4e7eb"
COLOURS = ("#0b6e99", "#c05621", "#2f855a", "#805ad5")
RED = "#c53030"


def can_draw() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def draw(path: Path, title: str, note: str, panels: Sequence[Callable[[Any], None]], *, unit: str) -> str | None:
    """One panel under another over a common time axis; returns the file's path, None without matplotlib.

    note: a line under the title. unit: what stands at the time axis.
    """
    if not can_draw():
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(10, 0.9 + 2.5 * len(panels)), sharex=True, squeeze=False, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    axes[0, 0].set_title(note, loc="left", fontsize=9, color=QUIET)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        axis.grid(color=GRID, linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(QUIET)
        axis.tick_params(colors=QUIET, labelsize=8)
        panel(axis)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=8, borderaxespad=0)
    axes[-1, 0].set_xlabel(unit, color=QUIET, fontsize=9)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return str(path)


def logarithmic(axis: Any) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 5, 10, …"""
    from matplotlib import ticker

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_minor_formatter(ticker.NullFormatter())


def name(axis: Any, text: str) -> None:
    axis.set_ylabel(text, color=INK, fontsize=9)
