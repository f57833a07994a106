"""The drawing of `make trace`, from constant documents."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tools.local_cloud.traces import followed_from, last_requests, read_documents, trees
from tools.local_cloud.waterfall import drawn, main

BEGAN = 1_795_418_946.0
# Any: X-Ray documents
Document = dict[str, Any]


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def document(name: str, id_: str, start: float, end: float, **more: Any) -> Document:
    """Milliseconds since `BEGAN`."""
    times = {"start_time": BEGAN + start / 1000, "end_time": BEGAN + end / 1000}
    return {"name": name, "id": id_, "trace_id": "1-1-1", **times, **more}


def request(id_: str, request_id: str, route: str, status: int, end: float) -> Document:
    gateway = {"request_id": request_id, "route": route}
    return document(
        "api/local",
        id_,
        0,
        end,
        origin="AWS::ApiGateway::Stage",
        aws={"api_gateway": gateway},
        http={"response": {"status": status}},
    )


def function(name: str, id_: str, start: float, end: float, **more: Any) -> Document:
    return document(
        f"shop-local-{name}-0A1B", id_, start, end, origin="AWS::Lambda::Function", **more
    )


def call(above: str, id_: str, start: float, end: float, aws: Document, **more: Any) -> Document:
    return document("dynamodb", id_, start, end, parent_id=above, aws=aws, **more)


def work(name: str, above: str, id_: str, start: float, end: float, **annotations: str) -> Document:
    return document(
        name, id_, start, end, parent_id=above, type="subsegment", annotations=annotations
    )


SESSIONS = {"operation": "BatchGetItem", "table_names": ["shop-local-SessionsTable-0A"]}
ORDER = {
    "operation": "TransactWriteItems",
    "table_names": ["shop-local-OrdersTable-0A", "shop-local-ProductsTable-0A"],
}
BUS = {"operation": "PutEvents"}
STARTING = {"name": "Initialization", "id": "i"}
PLACED = [
    # In order of arrival: children before parents.
    call("a1", "a2", 2, 9, SESSIONS),
    work("authorization", "a", "a1", 1, 10),
    function("Authorizer", "a", 1, 10, parent_id="r"),
    call("f1", "f2", 72, 92, ORDER, cause={"exceptions": [{"type": "TransactionCanceled"}]}),
    work("request", "f", "f1", 60, 98, request_id="r-1", route="POST /api/orders"),
    function(
        "PlaceOrder",
        "f",
        10,
        99,
        parent_id="r",
        subsegments=[STARTING | {"start_time": BEGAN + 0.01, "end_time": BEGAN + 0.06}],
    ),
    request("r", "r-1", "POST /api/orders", 409, 100),
]
FOLLOWED = [
    call("p1", "p2", 160, 180, BUS),
    work("batch", "p", "p1", 150, 190, request_id="r-0 r-1"),
    function("PublishEvents", "p", 150, 190),
    work("batch", "q", "q1", 300, 301, request_id="r-10"),
    function("PublishEvents", "q", 300, 301),
]


PICTURE = """
07:29:06  409 POST /api/orders  100 ms  r-1
  Authorizer                                   ███▌                                           9.0 ms
    BatchGetItem Sessions                      ███                                            7.0 ms
  PlaceOrder (cold)                                ███████████████████████████████████████▌    89 ms
    starting                                       ██████████████████████                      50 ms
    TransactWriteItems ✗ TransactionCanceled…                                 █████████▍       20 ms
"""  # noqa: E501


def test_request_is_drawn_on_one_axis() -> None:
    (top,) = trees(PLACED)

    picture = drawn(top, top.start)

    assert f"\n{picture}\n" == PICTURE


def test_lines_fit_the_terminal_width() -> None:
    (top,) = trees(PLACED)

    for width in (80, 100, 160):
        assert max(len(line) for line in drawn(top, top.start, width).splitlines()) <= width


def test_colours_change_nothing_else() -> None:
    (top,) = trees(PLACED)

    painted = drawn(top, top.start, coloured=True)

    for code in ("31", "32", "34", "1", "0"):
        painted = painted.replace(f"\033[{code}m", "")
    assert [it.rstrip() for it in painted.splitlines()] == drawn(top, top.start).splitlines()


def test_effects_of_a_request_are_found_by_its_id() -> None:
    found = followed_from(trees(PLACED + FOLLOWED), "r-1")

    assert [it.document["id"] for it in found] == ["r", "p"]
    assert drawn(found[1], found[0].start).splitlines()[0].rstrip() == (
        "07:29:06  +150 ms  PublishEvents  40 ms"
    )


def test_last_requests_are_shown_without_workers() -> None:
    requests = [request(str(it), f"r-{it}", "GET /", 200, 5) for it in range(7)]
    for number, it in enumerate(requests):
        it["start_time"] += number

    found = last_requests(trees(requests + FOLLOWED), 2)

    assert [it.document["id"] for it in found] == ["5", "6"]


def test_unfinished_segments_are_skipped() -> None:
    (top,) = trees([*PLACED, call("not-yet", "n", 1, 2, BUS)])

    assert top.document["id"] == "r"


def test_partial_line_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text(f'{json.dumps(PLACED[0])}\n{{"name": "ha')

    assert read_documents(file) == PLACED[:1]


@pytest.mark.parametrize("request_id", [[], ["--request", "r-1"]])
def test_command_shows_the_content_of_the_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request_id: list[str],
) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_text("".join(f"{json.dumps(it)}\n" for it in PLACED + FOLLOWED))
    monkeypatch.setattr("sys.argv", ["trace", "--traces", str(file), *request_id])

    main()

    shown = capsys.readouterr().out
    assert "409 POST /api/orders  100 ms  r-1" in shown
    assert ("PublishEvents" in shown) == bool(request_id)
    assert "\033" not in shown


@pytest.mark.parametrize("content", [None, ""])
def test_missing_traces_print_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "traces.jsonl"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr("sys.argv", ["trace", "--traces", str(file)])

    with pytest.raises(SystemExit, match="make run"):
        main()
