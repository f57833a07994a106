"""A plot of costs over sizes, both logarithmic, as an SVG for light and dark pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 490, 20, 340
_COLOURS = ("#d1495b", "#8d6cab", "#edae49", "#00798c", "#66a182")


@dataclass(frozen=True)
class Line:
    name: str
    units: Mapping[int, float]  # by size


def svg(lines: Sequence[Line]) -> str:
    sizes = sorted({size for line in lines for size in line.units})
    top = max(units for line in lines for units in line.units.values())
    decades = range(-1, int(log10(top)) + 2)

    def x(size: int) -> float:
        span = log10(sizes[-1] / sizes[0])
        return round(_LEFT + (_RIGHT - _LEFT) * log10(size / sizes[0]) / span, 1)

    def y(units: float) -> float:
        share = (log10(units) - decades[0]) / (decades[-1] - decades[0])
        return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="13">',
        "<title>Read units of a page by the number of users</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for decade in decades:
        height = y(10**decade)
        parts += [
            f'<path d="M{_LEFT} {height}H{_RIGHT}" stroke="#ddd"/>',
            _text(_LEFT - 8, height + 4, f"{10.0**decade:,g}", anchor="end"),
        ]
    parts += [_text(x(size), _BOTTOM + 20, f"{size:,}", anchor="middle") for size in sizes]
    parts.append(_text((_LEFT + _RIGHT) / 2, _BOTTOM + 44, "users", anchor="middle"))
    parts.append(_text(_LEFT, _TOP - 6, "read units a page"))
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [(x(size), y(units)) for size, units in sorted(line.units.items())]
        path = "L".join(f"{left} {height}" for left, height in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{left}" cy="{it}" r="4" fill="{colour}"/>' for left, it in points]
        parts.append(_text(_RIGHT + 12, points[-1][1] + 4, line.name, colour=colour))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#333") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
