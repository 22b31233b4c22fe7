"""Figures of where networks are unsure: by environment, signal-to-noise ratio and phone, and calibration."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from hybrid_kd.report.figure_style import CYCLE, GREY, MARKERS, Panel, finish, panel_axes
from hybrid_kd.report.uncertainty_records import Calibration, SigmaGroup, Uncertainty

Named = Sequence[tuple[str, Uncertainty]]

SPREAD = 0.16  # between the dots of two networks, in categories
PHONE_HEIGHT, MIN_PHONES = 0.17, 10  # inches; room for so many at least
MIN_BIN_FRAMES = 50


def uncertainty_panels(measured: Named) -> list[Panel]:
    """All that have something to show; a network keeps its colour."""
    panels = [
        environments_panel(measured),
        snr_panel(measured),
        phones_panel(measured),
        noisy_calibration_panel(measured),
    ]
    return [panel for panel in panels if panel is not None]


def environments_panel(measured: Named) -> Panel | None:
    """Mean sigma, a dot a network."""
    names = _names([uncertainty.environments for _, uncertainty in measured])
    if not names:
        return None
    with panel_axes() as (figure, axes):
        for index, (name, uncertainty) in enumerate(measured):
            shift = SPREAD * (index - (len(measured) - 1) / 2)
            places = [place + shift for place in _places(names)]
            values = _values(names, uncertainty.environments, "sigma")
            _draw(axes, places, values, name, index, linestyle="")
        axes.set_xticks(range(len(names)), names)
        axes.set(ylabel="mean sigma", xlim=(-0.5, len(names) - 0.5))
        axes.set_title("sigma by environment")
        _finish_axes(axes, legend_at=-0.12)
        return finish(figure, "uncertainty_environments", "mean sigma by environment and network")


def snr_panel(measured: Named) -> Panel | None:
    """Mean sigma by bins of the signal-to-noise ratio."""
    names = _names([uncertainty.snr for _, uncertainty in measured])
    if not names:
        return None
    with panel_axes() as (figure, axes):
        for index, (name, uncertainty) in enumerate(measured):
            _draw(axes, _places(names), _values(names, uncertainty.snr, "sigma"), name, index)
        axes.set_xticks(range(len(names)), [snr.removesuffix(" dB") for snr in names])
        axes.set(xlabel="signal-to-noise ratio, dB", ylabel="mean sigma")
        axes.set_title("sigma by signal-to-noise ratio")
        _finish_axes(axes, legend_at=-0.2)
        return finish(figure, "uncertainty_snr", "mean sigma by signal-to-noise ratio and network")


def phones_panel(measured: Named) -> Panel | None:
    """Mean sigma of the reference's pdf, the phone of which the first network is least sure on top."""
    names = _names([uncertainty.phones for _, uncertainty in measured])
    if not names:
        return None
    height = PHONE_HEIGHT * max(len(names), MIN_PHONES)
    with panel_axes(height=1.0 + height) as (figure, axes):
        for index, (name, uncertainty) in enumerate(measured):
            values = _values(names, uncertainty.phones, "reference_sigma")
            _draw(axes, values, _places(names), name, index, linestyle="")
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set(xlabel="mean sigma of the reference's pdf", xlim=(0, None), ylim=(len(names) - 0.4, -0.6))
        axes.set_title("sigma by phone")
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.55 / height))
        return finish(figure, "uncertainty_phones", "mean sigma of the reference's pdf by phone and network")


def noisy_calibration_panel(measured: Named) -> Panel:
    """Share of frames right less the largest posterior, of softmax(f) and of p: 0 where it is as it says."""
    with panel_axes(height=4.2) as (figure, axes):
        axes.axhline(0, color=GREY, linewidth=1, linestyle=":")
        for index, (name, uncertainty) in enumerate(measured):
            before, after = uncertainty.calibration, uncertainty.noisy_calibration
            _draw_reliability(axes, before, f"{name}, softmax(f)", index, linestyle="--", face="white")
            _draw_reliability(axes, after, f"{name}, p", index, linestyle="-", face=CYCLE[index])
        axes.set(xlabel="largest posterior", ylabel="share of frames right less it", xlim=(0, 1))
        axes.set_title("calibration before and after the noise")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17))
        alt = "share of frames right less the largest posterior, against it, without and with the noise"
        return finish(figure, "uncertainty_calibration", alt)


def _draw_reliability(
    axes: Axes, calibration: Calibration, name: str, index: int, *, linestyle: str, face: str
) -> None:
    bins = zip(calibration.bin_confidence, calibration.bin_accuracy, calibration.bin_frames, strict=True)
    kept = [(confidence, accuracy) for confidence, accuracy, frames in bins if frames >= MIN_BIN_FRAMES]
    label = f"{name} ({calibration.calibration_error:.3f})"
    confidences = [confidence for confidence, _ in kept]
    gaps = [accuracy - confidence for confidence, accuracy in kept]
    _draw(axes, confidences, gaps, label, index, linestyle=linestyle, linewidth=1.2, markerfacecolor=face)


def _names(groups: Sequence[Sequence[SigmaGroup]]) -> list[str]:
    """Of all networks, as the first has them in order."""
    return list(dict.fromkeys(group.name for each in groups for group in each))


def _places(names: Sequence[str]) -> list[float]:
    return [float(place) for place in range(len(names))]


def _values(names: Sequence[str], groups: Sequence[SigmaGroup], what: str) -> list[float]:
    """A network's, in the order of the names; a group that it lacks is not drawn."""
    found = {group.name: getattr(group, what) for group in groups}
    return [found.get(name, float("nan")) for name in names]


def _draw(axes: Axes, x: Sequence[float], y: Sequence[float], name: str, index: int, **style: Any) -> None:
    axes.plot(x, y, **{"color": CYCLE[index], "marker": MARKERS[index], "label": name} | style)


def _finish_axes(axes: Axes, *, legend_at: float) -> None:
    """From zero, with room above the highest."""
    axes.set_ylim(0, 1.08 * np.nanmax([line.get_ydata() for line in axes.lines]))
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, legend_at))
