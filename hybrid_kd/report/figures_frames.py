"""Figures of frames: learning curves, calibration, and how the labels of an utterance look over time."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hybrid_kd.report.families import Family
from hybrid_kd.report.figure_style import CYCLE, GREY, MARKERS, STYLE, WIDTH, Panel, finish, panel_axes
from hybrid_kd.report.phones import root_posteriors
from hybrid_kd.report.records import ExampleRecord, LabelsRecord, LearningCurve, SystemResult

SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", "#9CC9E8", "#0072B2", "#062B4A"])
FRAMES_PER_SECOND = 100
ROW_HEIGHT = 0.115  # inches a phone


def learning_panels(families: Sequence[Family]) -> list[Panel]:
    """Cross-entropy with the reference by epoch, on dev and training frames; thin lines are further seeds."""
    panels = []
    for name, title in (
        ("dev_cross_entropy", "dev cross-entropy"),
        ("train_cross_entropy", "training cross-entropy"),
    ):
        drawn = [family for family in families if any(system.learning_curve for system in family.systems)]
        if not drawn:
            continue
        with panel_axes() as (figure, axes):
            for family, color in zip(drawn, CYCLE, strict=False):
                _draw_curves(axes, family, name, color)
            axes.set(xlabel="epoch", ylabel="nats a frame")
            axes.set_title(title)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))
            _cut_above(axes, drawn, name)
            panels.append(finish(figure, f"learning_{name}", f"{title} by epoch"))
    return panels


def _draw_curves(axes: Axes, family: Family, name: str, color: str) -> None:
    curves = [system.learning_curve for system in family.systems if system.learning_curve is not None]
    for index, curve in enumerate(curves):
        is_first = index == 0
        values = _values(curve, name)
        label = family.name if is_first else None
        width, alpha = (1.8, 1.0) if is_first else (0.8, 0.5)
        axes.plot(range(len(values)), values, color=color, linewidth=width, alpha=alpha, label=label)
        accepted = [epoch for epoch, flag in enumerate(curve.accepted) if flag is not False]
        if is_first:
            axes.plot([accepted[-1]], [values[accepted[-1]]], color=color, marker="o", zorder=4)


def _values(curve: LearningCurve, name: str) -> list[float]:
    """By epoch; before training it is only told of a network that was trained before."""
    values = [float("nan") if value is None else value for value in getattr(curve, name)]
    return [
        float("nan") if values[0] > np.nanmax(values[1:], initial=-np.inf) * 1.2 else values[0],
        *values[1:],
    ]


def _cut_above(axes: Axes, families: Sequence[Family], name: str) -> None:
    """Room for what is drawn after the first epoch, whatever stands before it."""
    curves = [
        system.learning_curve for family in families for system in family.systems if system.learning_curve
    ]
    later = np.array([value for curve in curves for value in _values(curve, name)[1:]])
    if len(later):
        low, high = np.nanmin(later), np.nanmax(later)
        margin = 0.05 * (high - low) or 0.05
        axes.set_ylim(low - margin, high + margin)


def calibration_panel(systems: Sequence[tuple[str, SystemResult]]) -> Panel | None:
    """Accuracy against confidence of the dev frames, in bins of the largest posterior."""
    measured = [
        (name, system.dev_posteriors) for name, system in systems if system.dev_posteriors is not None
    ]
    if not measured:
        return None
    with panel_axes(height=4.0) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
        for (name, posteriors), color, marker in zip(measured, CYCLE, MARKERS, strict=False):
            bins = zip(posteriors.bin_confidence, posteriors.bin_accuracy, posteriors.bin_frames, strict=True)
            points = [(confidence, accuracy) for confidence, accuracy, frames in bins if frames >= 50]
            label = f"{name} ({posteriors.calibration_error:.3f})"
            axes.plot(*zip(*points, strict=True), color=color, marker=marker, label=label) if points else None
        axes.set(xlabel="largest posterior", ylabel="share of frames right", xlim=(0, 1), ylim=(0, 1))
        axes.set_title(f"calibration on {measured[0][1].set_name}")
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=8)
        return finish(figure, "calibration", "share of frames right against the largest posterior")


def example_panels(
    example: ExampleRecord, labels: LabelsRecord | None, systems: Sequence[tuple[str, SystemResult]]
) -> list[Panel]:
    """Phone posteriors over an utterance: the teacher's labels by temperature, and those of networks."""
    of_labels = [] if labels is None or labels.example is None else labels.example
    temperatures = [] if labels is None else labels.temperatures
    drawn = {
        "labels_over_time": [
            (f"teacher's labels, T={temperature:g}", root_posteriors(posteriors))
            for temperature, posteriors in zip(temperatures, of_labels, strict=False)
        ],
        "posteriors_over_time": [
            (f"posteriors: {name}", root_posteriors(system.dev_posteriors.example))
            for name, system in systems
            if system.dev_posteriors is not None
        ],
    }
    reference = "reference", _one_hot(example)
    return [_rows_panel(name, [reference, *rows], example) for name, rows in drawn.items() if rows]


def _rows_panel(
    name: str, rows: Sequence[tuple[str, Float[np.ndarray, "phones frames"]]], example: ExampleRecord
) -> Panel:
    """One heat map below the other."""
    height = len(rows) * (ROW_HEIGHT * len(example.phones) + 0.32) + 0.5
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(WIDTH, height))
        all_axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (title, values) in zip(all_axes, rows, strict=True):
            _draw_posteriors(axes, title, values, example)
        all_axes[-1].set_xlabel("seconds")
        words = f"posteriors of phones over time, {example.utt_id}"
    return finish(figure, name, words)


def _one_hot(example: ExampleRecord) -> Float[np.ndarray, "phones frames"]:
    columns: Float[np.ndarray, "phones frames"] = np.eye(len(example.phones))[:, example.phone_ali]
    return columns


def _draw_posteriors(
    axes: Axes, title: str, values: Float[np.ndarray, "phones frames"], example: ExampleRecord
) -> None:
    begin = example.first_frame / FRAMES_PER_SECOND
    end = begin + values.shape[1] / FRAMES_PER_SECOND
    extent = (begin, end, len(values) - 0.5, -0.5)
    axes.imshow(values, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest", extent=extent)
    axes.set_title(title, fontsize=8.5, fontweight="normal")
    axes.set_yticks(range(len(example.phones)), example.phones, fontsize=6.5)
    axes.tick_params(length=2)
    axes.spines[["top", "right"]].set_visible(True)
