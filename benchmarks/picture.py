"""A line chart with two logarithmic axes, as SVG that a README can show in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 500, 40, 370
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888")
DASHES = ("none", "6 3", "2 2")
GREY = "#888"

Line = list[tuple[float, float]]


def log_log(title: str, x_title: str, y_title: str, lines: Mapping[str, Line]) -> str:
    """Every line with its name; both axes begin and end at a power of ten or at a point."""
    points = [point for line in lines.values() for point in line]
    x = _Axis([each for each, _ in points], LEFT, RIGHT)
    y = _Axis([each for _, each in points], BOTTOM, TOP, round_out=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="11">',
        # Grey on nothing: readable on a white and on a dark page.
        _text(LEFT, 20, title, size=14),
        _text((LEFT + RIGHT) / 2, BOTTOM + 34, x_title, anchor="middle"),
        _text(LEFT, TOP - 6, y_title),
        *_grid(x, y),
        *_lines(lines, x, y),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axis:
    def __init__(
        self, values: list[float], start: float, end: float, round_out: bool = False
    ) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        if round_out:
            low, high = math.floor(low), math.ceil(high)
        self.values = sorted(set(values))
        self.decades = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        self._low, self._span = low, (high - low) or 1.0
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / self._span
        return self._start + share * (self._end - self._start)


def _grid(x: _Axis, y: _Axis) -> Iterator[str]:
    for value in y.decades:
        at = y.at(value)
        yield f'<path d="M{LEFT} {at:.1f}H{RIGHT}" stroke="{GREY}" stroke-opacity=".3"/>'
        yield _text(LEFT - 6, at + 4, f"{value:g}", anchor="end")
    for value in x.values:
        yield _text(x.at(value), BOTTOM + 16, f"{value:g}", anchor="middle")


def _lines(lines: Mapping[str, Line], x: _Axis, y: _Axis) -> Iterator[str]:
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = f' stroke-dasharray="{DASHES[number // len(COLOURS) % len(DASHES)]}"'
        path = "L".join(f"{x.at(a):.1f} {y.at(b):.1f}" for a, b in line)
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        for a, b in line:
            yield f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3" fill="{colour}"/>'
        at = TOP + 6 + number * 20
        yield f'<path d="M{RIGHT + 24} {at}h22" stroke="{colour}" stroke-width="2"{dash}/>'
        yield _text(RIGHT + 52, at + 4, f"{name}: {line[-1][1]:g} ms")


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="{GREY}">{escape(text)}</text>'
    )
