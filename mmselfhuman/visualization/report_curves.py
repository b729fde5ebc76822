"""Curves as SVG, without any library and without any file beside them."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 14, 26
COLOURS = ("#1f6fb2", "#c8553d", "#3d8b4f", "#8a5fb0", "#b0892a", "#4a4a4a")


def curves(series: Mapping[str, Sequence[tuple[float, float]]], title: str) -> str:
    """Draw some curves over the same axis.

    Args:
        series: Points ``(x, y)`` by name, in the order of x. Curves without a point are left out.
        title: Stands above.

    Returns:
        An ``<svg>`` element with a legend; a title and a table of its numbers are in it for screen readers. Without any
        point, an empty string.
    """
    series = {name: list(points) for name, points in series.items() if points}
    if not series:
        return ""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_range, y_range = _range(min(xs), max(xs), 0.0), _range(min(ys), max(ys), 0.08)
    legend = 16 * ((len(series) + 1) // 2)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + legend}" width="{WIDTH}" height="{HEIGHT + legend}" role="img">',
        f"<title>{escape(title)}: {escape(_spoken(series))}</title>",
        *_axes(x_range, y_range, sorted(set(xs))),
    ]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(_x(x, x_range), _y(y, y_range)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (_, value) in zip(places, points, strict=True):
            hint = f"<title>{escape(name)}: {value:.4g}</title>"
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}">{hint}</circle>')
        column, row = number % 2, number // 2
        x, y = _LEFT + column * (WIDTH - _LEFT) / 2, HEIGHT + 4 + 16 * row
        parts.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15:.0f}" y="{y + 9:.0f}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def _range(low: float, high: float, margin: float) -> tuple[float, float]:
    if low == high:
        return low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    return low - margin * (high - low), high + margin * (high - low)


def _axes(x_range: tuple[float, float], y_range: tuple[float, float], marks: Sequence[float]) -> list[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="currentColor" opacity=".5"/>']
    for part in range(4):
        value = y_range[0] + (y_range[1] - y_range[0]) * part / 3
        y = _y(value, y_range)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="currentColor" opacity=".15"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for mark in marks:
        x = _x(mark, x_range)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{mark:g}</text>')
    return parts


def _x(value: float, extent: tuple[float, float]) -> float:
    return _LEFT + 8 + (value - extent[0]) / (extent[1] - extent[0]) * (WIDTH - _RIGHT - _LEFT - 16)


def _y(value: float, extent: tuple[float, float]) -> float:
    return HEIGHT - _BOTTOM - (value - extent[0]) / (extent[1] - extent[0]) * (HEIGHT - _BOTTOM - _TOP)


def _spoken(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    return "; ".join(f"{name} {', '.join(f'{y:.4g}' for _, y in points)}" for name, points in series.items())
