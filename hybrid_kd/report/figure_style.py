"""One look for all figures: colours that colour-blind people can tell apart, and files in two formats.

Source of the colours: Okabe and Ito 2008, "Color Universal Design".
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybrid_kd.atomic import replace_file

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
SKY, BLACK, GREY, LIGHT = "#56B4E9", "#222222", "#767676", "#E3E5E8"
CYCLE = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH, HEIGHT = 4.5, 3.3  # inches: as wide as a phone, so that letters are not scaled down there
PIXELS_PER_INCH = 200

STYLE: dict[Any, Any] = {
    "figure.figsize": (WIDTH, HEIGHT),
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": BLACK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "hybrid_kd",
}


@dataclass(frozen=True)
class Panel:
    """One drawing. name: of its files. alt: what it shows, for those who cannot see it."""

    name: str
    alt: str
    svg: str
    png: bytes


@contextmanager
def panel_axes(*, width: float = WIDTH, height: float = HEIGHT) -> Iterator[tuple[Figure, Axes]]:
    """A figure of one drawing in our style; it needs no display."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        yield figure, figure.subplots()


def finish(figure: Figure, name: str, alt: str) -> Panel:
    """Render it in both formats; the same figure gives the same bytes."""
    with mpl.rc_context(STYLE):
        for _ in range(2):  # the layout settles when the ticks are known
            figure.draw_without_rendering()
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    return Panel(name, alt, svg.getvalue(), png.getvalue())


def inline_svg(panel: Panel) -> str:
    """An ``svg`` element for a page that holds several: ids of its own, at most as wide as there is room."""
    text = panel.svg[panel.svg.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', text))
    text = re.sub(r'\s+id="([^"]*)"', lambda match: match[0] if match[1] in used else "", text)
    text = re.sub(r'\bid="', f'id="{panel.name}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{panel.name}-", text)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)width="([^"]*)pt"', r'\1style="max-width:\2pt"', text, count=1)
    label = panel.alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def write_panel(directory: Path, panel: Panel) -> None:
    """Write NAME.svg and NAME.png."""
    with replace_file(directory / f"{panel.name}.svg", "w") as file:
        file.write(panel.svg)
    with replace_file(directory / f"{panel.name}.png") as file:
        file.write(panel.png)
