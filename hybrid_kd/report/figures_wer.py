"""The paper's figures 1 to 3: WER against hard weight, temperature, and epochs of annealing.

Bars are 95 % intervals of the paired difference to the system that each figure compares with; small dots are
single seeds.
"""

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes

from hybrid_kd.report.bootstrap import Side
from hybrid_kd.report.families import PAPERS_THRESHOLD, Family, Grid
from hybrid_kd.report.figure_style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Panel,
    finish,
    panel_axes,
)
from hybrid_kd.report.records import LabelsRecord

SHIFT = 0.012  # of SD's hard weights, so that its bars stand beside SI's
LOOKS = {"si": (BLUE, "o", "SI (interpolation)"), "sd": (ORANGE, "s", "SD (by utterance)")}


def hard_weight_panel(grid: Grid, side: Side) -> Panel | None:
    """Figure 1: WER against hard weight for SI and SD, with the teacher's and the hard-label student's."""
    series = {mixing: _by_hard_weight(grid, side, mixing) for mixing in LOOKS}
    if not any(len(points) > 1 for points in series.values()):
        return None
    with panel_axes() as (figure, axes):
        for mixing, points in series.items():
            if len(points) > 1:
                color, marker, label = LOOKS[mixing]
                shift = SHIFT if mixing == "sd" else 0.0
                moved = [(weight + shift * (0 < weight < 1), family) for weight, family in points]
                _draw(axes, side, moved, reference=grid.hard, color=color, marker=marker, label=label)
        _level(axes, side, grid.hard, color=GREY, label="hard labels")
        if grid.teacher is not None:
            teacher = Family(next(iter(grid.families)), (grid.teacher,))
            _level(axes, side, teacher, color=GREEN, label="teacher", linestyle="--")
        axes.set(xlabel="hard weight", xticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
        _finish_axes(axes, side)
        return finish(figure, f"figure1_{_slug(side)}", f"WER on {side_name(side)} against hard weight")


def _by_hard_weight(grid: Grid, side: Side, mixing: str) -> list[tuple[float, Family]]:
    weights = sorted({label.hard_weight for label in grid.families})
    found = [(weight, grid.at(mixing, weight)) for weight in weights]
    inside = [family for weight, family in found if 0 < weight < 1 and side.has(family)]
    return [(weight, family) for weight, family in found if family and side.has(family)] if inside else []


def temperature_panel(grid: Grid, side: Side) -> Panel | None:
    """Figure 2: WER against the teacher's temperature, with labels pruned as in the paper and unpruned."""
    pruned, unpruned = (by_temperature(grid, side, threshold) for threshold in (PAPERS_THRESHOLD, 0.0))
    if len(pruned) < 2 and len(unpruned) < 2:
        return None
    label = (pruned or unpruned)[0][1].labelling
    reference = grid.at(label.mixing, label.hard_weight)
    with panel_axes() as (figure, axes):
        looks = ((pruned, BLUE, "o", "pruned below 0.01"), (unpruned, RED, "^", "unpruned"))
        for points, color, marker, words in looks:
            if points:
                _draw(axes, side, points, reference=reference, color=color, marker=marker, label=words)
        _level(axes, side, grid.hard, color=GREY, label="hard labels")
        axes.set(xlabel="temperature of the teacher's labels")
        logarithmic(axes, [temperature for temperature, _ in pruned + unpruned])
        _finish_axes(axes, side, f"{label.mixing.upper()}, hard weight {label.hard_weight:g}")
        return finish(figure, f"figure2_{_slug(side)}", f"WER on {side_name(side)} against temperature")


def by_temperature(grid: Grid, side: Side, prune_below: float) -> list[tuple[float, Family]]:
    """Students at constant temperatures, of the hard weight that has most of them, by temperature."""
    families = [
        family
        for label, family in grid.families.items()
        if label.temperature is not None
        and label.mixing != "hard"
        and not label.retrained
        and side.has(family)
    ]
    off_one = [
        (f.labelling.mixing, f.labelling.hard_weight) for f in families if f.labelling.temperature != 1
    ]
    if not off_one:
        return []
    commonest = max(off_one, key=off_one.count)
    chosen = [
        (family.labelling.temperature or 1.0, family)
        for family in families
        if (family.labelling.mixing, family.labelling.hard_weight) == commonest
        and family.labelling.prune_below == prune_below
    ]
    return sorted(chosen, key=lambda point: point[0])


def labels_panel(labels: LabelsRecord) -> Panel:
    """Beside figure 2: what pruning discards, and the frames that it leaves with their argmax alone."""
    with panel_axes() as (figure, axes):
        mass = [100 * value for value in labels.discarded_mass]
        share = [100 * value for value in labels.argmax_share]
        axes.plot(labels.temperatures, mass, color=RED, marker="o", label="mass discarded")
        axes.plot(
            labels.temperatures, share, color=BLACK, marker="s", label="frames left with their argmax alone"
        )
        axes.set(xlabel="temperature of the teacher's labels", ylabel="%", ylim=(0, 105))
        axes.set_title(f"pruning below {labels.prune_below:g}")
        logarithmic(axes, labels.temperatures)
        axes.legend()
        return finish(
            figure, f"figure2_pruning_{labels.name}", "mass that pruning discards against temperature"
        )


def entropy_panel(labels: LabelsRecord) -> Panel:
    """Entropy of the labels against temperature, as trained on and before pruning."""
    with panel_axes() as (figure, axes):
        axes.plot(labels.temperatures, labels.entropy, color=BLUE, marker="o", label="pruned, renormalised")
        if labels.entropy_unpruned is not None:
            axes.plot(labels.temperatures, labels.entropy_unpruned, color=RED, marker="^", label="unpruned")
        axes.set(xlabel="temperature of the teacher's labels", ylabel="nats a frame")
        axes.set_ylim(bottom=0)
        axes.set_title("entropy of the labels")
        logarithmic(axes, labels.temperatures)
        axes.legend()
        return finish(figure, f"entropy_{labels.name}", "entropy of the labels against temperature")


def annealing_panel(grid: Grid, side: Side) -> Panel | None:
    """Figure 3: WER against the epochs of each timed stage, beside T = 1 from the start."""
    annealed = [
        family
        for label, family in grid.families.items()
        if label.epochs_a_stage and label.is_annealed and not label.retrained and side.has(family)
    ]
    if not annealed:
        return None
    keys = [(family.labelling.mixing, family.labelling.hard_weight) for family in annealed]
    mixing, hard_weight = max(keys, key=keys.count)
    reference = grid.at(mixing, hard_weight)
    schedules = sorted({family.labelling.schedule for family in annealed}, key=lambda text: (len(text), text))
    with panel_axes() as (figure, axes):
        for schedule, color, marker in zip(schedules, (BLUE, RED, ORANGE, BLACK), "os^D", strict=False):
            points = [
                (float(family.labelling.epochs_a_stage or 0), family)
                for family, key in zip(annealed, keys, strict=True)
                if key == (mixing, hard_weight) and family.labelling.schedule == schedule
            ]
            _draw(
                axes,
                side,
                sorted(points, key=_first),
                reference=reference,
                color=color,
                marker=marker,
                label=schedule,
            )
        _level(axes, side, reference, color=GREEN, label="T=1", linestyle="--")
        held = grid.held_at_one(mixing, hard_weight)
        _level(axes, side, held, color=BLACK, label="T=1, rate held", linestyle=":")
        _level(axes, side, grid.hard, color=GREY, label="hard labels")
        epochs = sorted({family.labelling.epochs_a_stage or 0 for family in annealed})
        axes.set(xlabel="epochs of each stage, e", xticks=epochs, xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
        _finish_axes(axes, side, f"{mixing.upper()}, hard weight {hard_weight:g}")
        return finish(
            figure, f"figure3_{_slug(side)}", f"WER on {side_name(side)} against epochs of annealing"
        )


def _first(point: tuple[float, Family]) -> float:
    return point[0]


def _draw(
    axes: Axes,
    side: Side,
    points: Sequence[tuple[float, Family]],
    *,
    reference: Family | None,
    **look: Any,
) -> None:
    """A line through the means over seeds, with bars and dots."""
    wers = [(x, family, side.wer(family)) for x, family in points]
    axes.plot([x for x, _, _ in wers], [wer.mean for _, _, wer in wers], zorder=3, **look)
    for x, family, wer in wers:
        if len(wer.by_seed) > 1:
            dots = {"color": look["color"], "marker": ".", "markersize": 5, "alpha": 0.45}
            axes.plot([x] * len(wer.by_seed), wer.by_seed, linestyle="none", zorder=2, **dots)
        if reference is not None and side.has(reference) and family is not reference:
            difference = side.difference([(1.0, family), (-1.0, reference)])
            half = [[difference.value - difference.low], [difference.high - difference.value]]
            axes.errorbar(
                [x], [wer.mean], yerr=half, color=look["color"], elinewidth=1, capsize=2.5, alpha=0.75
            )


def _level(axes: Axes, side: Side, family: Family | None, **look: Any) -> None:
    """A horizontal line, where it is decoded."""
    if family is not None and side.has(family):
        axes.axhline(side.wer(family).mean, linewidth=1.3, zorder=1, **look)


def _finish_axes(axes: Axes, side: Side, words: str = "") -> None:
    axes.set_ylabel("WER %")
    axes.set_title(side_name(side) + (f": {words}" if words else ""))
    axes.margins(y=0.12)
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def logarithmic(axes: Axes, temperatures: Sequence[float]) -> None:
    """A logarithmic axis of temperatures, each written at its place."""
    values = sorted(set(temperatures))
    axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()


def side_name(side: Side) -> str:
    """The sets."""
    return "+".join(side.names)


def _slug(side: Side) -> str:
    return "_".join(side.names)


WER_PANELS: dict[str, Callable[[Grid, Side], Panel | None]] = {
    "figure1": hard_weight_panel,
    "figure2": temperature_panel,
    "figure3": annealing_panel,
}
