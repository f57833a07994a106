"""The dashboard shows what there is, each thing in its place."""

import json
from itertools import combinations
from typing import Any  # widgets of several kinds

import pytest

from tests.support.monitoring import METRICS, alarms, dashboard, shown
from tests.support.sam_template import resources

WIDGETS = dashboard()["widgets"]
BODY = json.dumps(WIDGETS)
QUESTIONS = [w["properties"]["markdown"] for w in WIDGETS if w["type"] == "text"]


def title(widget: dict[str, Any]) -> str:
    return str(widget["properties"])[:60]


@pytest.mark.parametrize("widget", WIDGETS, ids=title)
def test_a_widget_shows_metrics_that_there_are(widget: dict[str, Any]) -> None:
    found = list(shown(widget))

    assert found or widget["type"] != "metric"
    assert not [metric for metric in found if metric not in METRICS], (
        "look the metric up in the documentation of AWS, and add it to METRICS in "
        "tests/support/monitoring.py"
    )


def test_widgets_stay_on_the_grid_and_off_each_other() -> None:
    def cells(widget: dict[str, int]) -> set[tuple[int, int]]:
        across = range(widget["x"], widget["x"] + widget["width"])
        down = range(widget["y"], widget["y"] + widget["height"])
        return {(x, y) for x in across for y in down}

    taken = [cells(widget) for widget in WIDGETS]
    assert all(x < 24 for places in taken for x, _ in places)
    assert not [1 for one, other in combinations(taken, 2) if one & other]


def test_each_row_answers_a_question_and_the_alarms_are_above_them() -> None:
    assert min(WIDGETS, key=lambda widget: widget["y"])["type"] == "alarm"
    assert [question.split(":")[0] for question in QUESTIONS] == [
        "## Is it up",
        "## Is it slow",
        "## Is it selling",
        "## Is anything stuck",
        "## What does it cost",
    ]
    rows = [widget["y"] for widget in WIDGETS if widget["type"] == "text"]
    assert {widget["y"] for widget in WIDGETS} == {0, *rows, *(row + 1 for row in rows)}


def test_every_alarm_is_on_it() -> None:
    (widget,) = [widget for widget in WIDGETS if widget["type"] == "alarm"]

    assert widget["properties"]["alarms"] == [f"<{name}.Arn>" for name in alarms()], (
        "list the alarm in the dashboard's alarm widget in template.yaml"
    )


def test_every_table_queue_and_worker_is_on_it() -> None:
    for table in resources("AWS::DynamoDB::Table"):
        assert BODY.count(f'"<{table}>"') == 2  # what is read, and what is written
    for queue in resources("AWS::SQS::Queue"):
        assert f'"<{queue}.QueueName>"' in BODY
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        worker = mapping["FunctionName"]["Ref"].removesuffix(".Alias")
        assert f'"<{worker}>"' in BODY


def test_every_log_group_of_functions_and_every_function_that_hashes_is_paid_for() -> None:
    for group in resources("AWS::Logs::LogGroup").keys() - {"GatewayLogs"}:  # which may be off
        assert f'"IncomingBytes", "LogGroupName", "<{group}>"' in BODY
    hashing = {
        name
        for name, function in resources("AWS::Serverless::Function").items()
        if function.get("MemorySize") == {"Ref": "HashingMemory"}
    }
    (seconds,) = [w for w in WIDGETS if "GB-seconds" in w["properties"].get("title", "")]
    ids = {row[3]: row[4]["id"] for row in seconds["properties"]["metrics"] if len(row) == 5}

    assert hashing
    assert {name for name, key in ids.items() if key.startswith("hash")} == {
        f"<{name}>" for name in hashing
    }


@pytest.mark.parametrize("widget", WIDGETS, ids=title)
def test_an_expression_uses_what_its_widget_has(widget: dict[str, Any]) -> None:
    rows = widget["properties"].get("metrics", [])
    told = [row[-1] for row in rows if isinstance(row[-1], dict)]
    ids = [entry["id"] for entry in told if "id" in entry]

    assert len(ids) == len(set(ids))
    hidden = [entry["id"] for entry in told if entry.get("visible") is False]
    expressions = " ".join(entry.get("expression", "") for entry in told)
    assert not [key for key in hidden if key not in expressions]
