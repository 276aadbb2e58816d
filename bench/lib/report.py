"""Tables as plain text or markdown, and the JSON of a run. Pure, but for write_json."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .procfs import machine


def figure(value: float | None, digits: int = 3) -> str:
    """A number with about so many significant digits; '-' for none."""
    if value is None or math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{places}f}"


def percent(value: float) -> str:
    """A fraction as a percentage with one decimal."""
    return f"{value * 100:.1f} %"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Aligned columns; the first `left` of them flush left, the others flush right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) if i < left else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """The same as a table of markdown; '|' in a cell is escaped."""
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    marks = ["---" if i < left else "---:" for i in range(len(header))]
    return "\n".join([line(header), line(marks), *(line(row) for row in rows)])


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool,
          left: int = 1) -> str:
    """A table in the form asked for."""
    return (markdown_table if markdown else text_table)(header, rows, left)


def envelope(tool: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What the JSON of every tool begins with: when, where, how."""
    return {"tool": tool, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": machine(), "python": sys.version.split()[0], "settings": settings}


def finite(value: Any) -> Any:
    """The same data with NaN and infinities as null, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write the data, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(finite(data), indent=1) + "\n", encoding="utf-8")
    part.replace(path)
