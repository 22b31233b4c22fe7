"""A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

import re
from html import escape

from hybrid_kd.report.document import Card, Document, Section, Table
from hybrid_kd.report.figure_style import inline_svg
from hybrid_kd.report.page_style import CSS

SYMBOLS = {"holds": "✓", "does not hold": "✗", "not significant": "≈", "not run": "–"}


def document_in_html(document: Document) -> str:
    """The whole page."""
    title = escape(document.title)
    lead = "".join(f"<li>{escape(line)}</li>" for line in document.lead)
    sections = "\n".join(_section(section) for section in document.sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: knowledge distillation</title>
<style>
{CSS}</style>
</head>
<body>
<header>
<p class="kind">hybrid_kd report</p>
<h1>{title}</h1>
<ul class="lead">{lead}</ul>
<nav>{_contents(document)}</nav>
</header>
<main>
{sections}
</main>
<footer>Made by <code>hybrid-kd report</code> from the record of the systems alone.</footer>
</body>
</html>
"""


def _contents(document: Document) -> str:
    links = (f'<a href="#{_anchor(section)}">{escape(_short(section))}</a>' for section in document.sections)
    return " ".join(links)


def _short(section: Section) -> str:
    return section.title.partition(":")[0]


def _anchor(section: Section) -> str:
    return re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")


def _section(section: Section) -> str:
    parts = [f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs]
    if section.cards:
        parts.append('<div class="cards">' + "".join(map(_card, section.cards)) + "</div>")
    if section.panels:
        figures = (f"<figure>{inline_svg(panel)}</figure>" for panel in section.panels)
        parts.append('<div class="panels">' + "".join(figures) + "</div>")
    parts += [_table(table) for table in section.tables]
    parts += [f"<details><summary>The numbers</summary>{_table(table)}</details>" for table in section.folded]
    head, _, rest = section.title.partition(": ")
    small = f"<small>{escape(rest)}</small>" if rest else ""
    return (
        f'<section id="{_anchor(section)}">\n<h2>{escape(head)}{small}</h2>\n'
        + "\n".join(parts)
        + "\n</section>"
    )


def _card(card: Card) -> str:
    kind = card.status.replace(" ", "-")
    badge = f'<span class="badge">{SYMBOLS.get(card.status, "")} {escape(card.status)}</span>'
    lines = "".join(f"<li>{escape(line)}</li>" for line in card.lines)
    return f'<article class="card {kind}"><h3>{escape(card.claim)}</h3>{badge}<ul>{lines}</ul></article>'


def _table(table: Table) -> str:
    head = "".join(f"<th{_kind(index, table)}>{escape(cell)}</th>" for index, cell in enumerate(table.head))
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_kind(index, table)}>{escape(cell)}</td>" for index, cell in enumerate(row))
        + "</tr>"
        for row in table.rows
    )
    caption = f'<p class="caption">{escape(table.caption)}</p>' if table.caption else ""
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'{caption}<div class="wide" tabindex="0">{body}</div>'


def _kind(index: int, table: Table) -> str:
    return ' class="text"' if index < table.num_text else ""
