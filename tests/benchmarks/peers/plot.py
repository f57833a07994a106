"""Cold starts as bars with their quartiles, as an SVG that reads well on light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.benchmarks.peers.summary import Spread

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 290, 690, 30, 40
_OURS, _THEIRS = "#00798c", "#b0b7bd"


@dataclass(frozen=True)
class Bar:
    name: str
    seconds: Spread
    is_ours: bool


def svg(bars: Sequence[Bar]) -> str:
    ordered = sorted(bars, key=lambda bar: bar.seconds.middle)
    most = max(bar.seconds.upper for bar in bars)
    height = _TOP + _ROW * len(bars) + 20

    def x(seconds: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * seconds / most, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13">',
        "<title>Cold start of GET in milliseconds: median and quartiles</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(_LEFT, _TOP - 14, "cold start of GET, ms: median and quartiles"),
    ]
    for number, bar in enumerate(ordered):
        top = _TOP + _ROW * number
        middle = top + 11
        it = bar.seconds
        colour = _OURS if bar.is_ours else _THEIRS
        parts += [
            _text(_LEFT - 10, middle + 5, bar.name, anchor="end"),
            f'<rect x="{_LEFT}" y="{top}" width="{x(it.middle) - _LEFT:.1f}" height="22"'
            f' fill="{colour}"/>',
            f'<path d="M{x(it.lower)} {middle}H{x(it.upper)}" stroke="#333" stroke-width="2"/>',
            _text(x(max(it.middle, it.upper)) + 8, middle + 5, f"{it.middle * 1e3:.0f}"),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
