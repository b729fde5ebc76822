"""Tables for the log."""

from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows of cells: the first row is the heading, the first column is set to the left, others to the right.

    Raises:
        ValueError: The rows differ in length.
    """
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"rows of a table must be equally long, got lengths {[len(row) for row in rows]}")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [_line(row, widths) for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def number(value: float) -> str:
    """Three decimals as COCO prints them; '-' for NaN."""
    return "-" if value != value else f"{value:.3f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return "| " + " | ".join(cells) + " |"
