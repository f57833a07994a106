"""Cold starts as bars with their quartiles, as an SVG for light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.benchmarks.peers.summary import Spread

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP, _THICK = 800, 330, 730, 30, 50, 22
_OURS, _THEIRS, _INK = "#00798c", "#b8c0c8", "#24292f"


@dataclass(frozen=True)
class Bar:
    name: str
    seconds: Spread
    is_ours: bool


def svg(bars: Sequence[Bar]) -> str:
    ordered = sorted(bars, key=lambda bar: bar.seconds.middle)
    most = max(bar.seconds.upper for bar in bars)
    height = _TOP + _ROW * len(bars) + 12

    def x(seconds: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * seconds / most, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13">',
        "<title>Cold start of a GET in milliseconds: median and quartiles</title>",
        # An opaque background, since a page may be light or dark.
        f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#fff"/>',
        _text(16, 28, "Cold start of a GET, in milliseconds: median and quartiles", size=15),
        f'<rect x="{_RIGHT - 118}" y="16" width="14" height="14" fill="{_OURS}"/>',
        _text(_RIGHT - 98, 28, "ours", is_bold=True),
        f'<rect x="{_RIGHT - 48}" y="16" width="14" height="14" fill="{_THEIRS}"/>',
        _text(_RIGHT - 28, 28, "others"),
    ]
    for number, bar in enumerate(ordered):
        top = _TOP + _ROW * number
        middle, base = top + _THICK // 2, top + _THICK // 2 + 5
        it = bar.seconds
        colour = _OURS if bar.is_ours else _THEIRS
        parts += [
            _text(_LEFT - 10, base, bar.name, anchor="end", is_bold=bar.is_ours),
            f'<rect x="{_LEFT}" y="{top}" width="{x(it.middle) - _LEFT:.1f}" height="{_THICK}"'
            f' fill="{colour}"/>',
            f'<path d="M{x(it.lower)} {middle}H{x(it.upper)}" stroke="{_INK}" stroke-width="2"/>',
            _text(x(it.upper) + 8, base, f"{it.middle * 1e3:.0f}", is_bold=bar.is_ours),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(
    x: float, y: float, text: str, anchor: str = "start", is_bold: bool = False, size: int = 13
) -> str:
    weight = ' font-weight="bold"' if is_bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}"{weight} fill="{_INK}">'
        f"{escape(text)}</text>"
    )
