"""What a report says, before it becomes HTML or Markdown."""

from dataclasses import dataclass, field

from hybrid_kd.report.figure_style import Panel


@dataclass(frozen=True)
class Table:
    """Cells as they are printed; the first ``num_text`` columns are words, the others numbers."""

    head: list[str]
    rows: list[list[str]]
    num_text: int = 1
    caption: str = ""


@dataclass(frozen=True)
class Card:
    """The verdict on one claim, with the numbers behind it."""

    status: str
    claim: str
    lines: list[str]


@dataclass(frozen=True)
class Section:
    """paragraphs, cards and panels come first, then tables; folded ones are behind a click in HTML."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    folded: list[Table] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.paragraphs or self.cards or self.panels or self.tables or self.folded)


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    lead: list[str]
    sections: list[Section]

    def panels(self) -> list[Panel]:
        """All figures, in their order."""
        return [panel for section in self.sections for panel in section.panels]
