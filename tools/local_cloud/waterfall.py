"""``make trace``: the time of requests as a waterfall in the terminal."""

import os
import shutil
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from tools.local_cloud.emulator_process import REPOSITORY
from tools.local_cloud.traces import (
    GATEWAY,
    Span,
    followed_from,
    last_requests,
    read_documents,
    trees,
)

USUAL_WIDTH = 100
LABEL_WIDTH = 46
TIME_WIDTH = 9
# Spans as long as their function, which are not shown.
ONE_IN_A_FUNCTION = {"request", "authorization", "batch"}
INITIALIZATION = "Initialization"
EIGHTHS = "▏▎▍▌▋▊▉█"
RED, GREEN, BLUE, DIM, BOLD = "31", "32", "34", "2", "1"


def main() -> None:
    parser = ArgumentParser(prog="make trace", description=__doc__)
    parser.add_argument("--requests", type=int, default=5, help="number of the last requests")
    parser.add_argument("--request", help="id of a request, shown with the invocations it caused")
    parser.add_argument("--traces", type=Path, default=REPOSITORY / ".local/run/traces.jsonl")
    options = parser.parse_args()
    if not options.traces.exists():
        sys.exit("There are no traces. Start the local cloud: make run")
    tops = trees(read_documents(options.traces))
    if options.request:
        shown = followed_from(tops, options.request)
    else:
        shown = last_requests(tops, options.requests)
    if not shown:
        sys.exit(
            f"There is no trace of {options.request or 'a request'}: it was not sent, newer "
            "traces replaced it, or make run has SAMPLE=0."
        )
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size((USUAL_WIDTH, 0)).columns if sys.stdout.isatty() else 0
    print("\n\n".join(drawn(it, shown[0].start, width or USUAL_WIDTH, coloured) for it in shown))


def drawn(top: Span, since: float, width: int = USUAL_WIDTH, coloured: bool = False) -> str:
    """Return a heading, and a line for each span on the time axis of ``top``.

    ``since`` is the start of the first of several trees, from which offsets count.
    """
    spans = list(_visible_spans(top, 1))
    longest = max(it.end for it in top.walk()) - top.start
    lines = [_heading(top, since, coloured)]
    for depth, span in spans:
        label = _truncate("  " * depth + _label(span), LABEL_WIDTH - 1)
        bar = _bar(span.start - top.start, span.end - top.start, longest, _room(width))
        took = f"{_milliseconds(span.end - span.start):>{TIME_WIDTH}}"
        lines.append(
            f"{_color(f'{label:{LABEL_WIDTH}}', _choose_color(span, BOLD), coloured and depth < 2)}"
            f"{_color(f'{bar:{_room(width)}}', _choose_color(span, BLUE), coloured)}{took}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _visible_spans(span: Span, depth: int) -> Iterator[tuple[int, Span]]:
    for below in span.below:
        if below.name in ONE_IN_A_FUNCTION:
            yield from _visible_spans(below, depth)
        else:
            yield depth, below
            yield from _visible_spans(below, depth + 1)


def _heading(top: Span, since: float, coloured: bool) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(top.start))
    took = _milliseconds(top.end - top.start)
    if top.origin != GATEWAY:
        after = _milliseconds(top.start - since)
        about = _join(top.annotation("type"), top.annotation("subject"))
        what = _color(_label(top), BOLD, coloured)
        return "  ".join([at, f"+{after}", what, took, about])
    gateway = top.document["aws"]["api_gateway"]
    status = top.document["http"]["response"]["status"]
    colour = RED if status >= 400 else GREEN
    method, _, path = gateway["route"].partition(" ")
    what = f"{method} {path or '(no route)'}"
    parts = [f"{at}  {_color(str(status), colour, coloured)} {_color(what, BOLD, coloured)}"]
    return "  ".join([*parts, took, gateway["request_id"]])


def _label(span: Span) -> str:
    aws = span.document.get("aws", {})
    if "operation" in aws:
        tables = [aws["table_name"]] if "table_name" in aws else aws.get("table_names", [])
        queues = [aws["queue_url"].rpartition("/")[2]] if "queue_url" in aws else []
        names = ", ".join(_short(it) for it in tables + queues)
        return _join(aws["operation"], _failure(span), names)
    if span.origin:
        cold = any(it.name == INITIALIZATION for it in span.below)
        return _join(_short(span.name), "(cold)" if cold else "", _failure(span))
    name = "starting" if span.name == INITIALIZATION else span.name
    return _join(name, span.annotation("type"), _failure(span))


def _failure(span: Span) -> str:
    causes = span.document.get("cause", {}).get("exceptions", [])
    if causes:
        return f"✗ {causes[0]['type'].removesuffix('Exception')}"
    return "✗" if span.document.get("fault") else ""


def _join(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _choose_color(span: Span, usual: str) -> str:
    bad = span.document.get("fault") or span.document.get("error")
    return RED if bad else usual


def _short(physical: str) -> str:
    """Return the logical name in a physical one, `<stack>-<logical>` or with `-<RANDOM>`."""
    *_, logical, last = ["", *physical.split("-")]
    return (logical if last.isupper() and logical else last).removesuffix("Table")


def _bar(start: float, end: float, longest: float, room: int) -> str:
    """Return a bar in eighths of a character, so short spans are visible and look short."""
    scale = room * 8 / longest if longest else 0
    first = min(round(start * scale), room * 8 - 1)
    last = max(min(round(end * scale), room * 8), first + 1)
    before, begin = divmod(first, 8)
    if last - first < 8 and last <= (before + 1) * 8:
        # Within one character only the length is visible.
        return " " * before + EIGHTHS[last - first - 1]
    # Block characters are cut on the right only, so round the start.
    before += begin >= 4
    full, rest = divmod(last - before * 8, 8)
    return " " * before + "█" * full + (EIGHTHS[rest - 1] if rest else "")


def _room(width: int) -> int:
    return max(20, width - LABEL_WIDTH - TIME_WIDTH)


def _milliseconds(seconds: float) -> str:
    if seconds >= 10:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def _truncate(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _color(text: str, colour: str, coloured: bool) -> str:
    return f"\033[{colour}m{text}\033[0m" if coloured else text


if __name__ == "__main__":
    main()
