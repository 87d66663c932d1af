"""What commands print and write: rows that stay rows, whatever telemetry calls its agents."""

from __future__ import annotations

from pathlib import Path

from collector.errors import RefusedInput

__all__ = ["print_row", "row", "write_text"]


def print_row(*cells: object) -> None:
    """One line, its cells parted by tabs."""
    print(row(*cells))


def row(*cells: object) -> str:
    """Line ends, tabs and what a terminal would obey are written as Python writes them."""
    return "\t".join(_shown(str(cell)) for cell in cells)


def write_text(path: Path, text: str) -> None:
    """Write a file that somebody named; RefusedInput when that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RefusedInput(
            f"cannot write {path}: {error.strerror}; name a file in a directory that is there"
        ) from error


def _shown(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
