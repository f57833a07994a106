"""The dashboard shows every alarm, table, queue and worker, on a valid grid."""

import json
from itertools import combinations
from typing import Any  # widgets of several kinds

import pytest

from tests.support.monitoring import METRICS, alarms, dashboard, filled, shown
from tests.support.sam_template import resources

WIDGETS = dashboard()["widgets"]
BODY = json.dumps(WIDGETS)
ROW_TITLES = [w["properties"]["markdown"] for w in WIDGETS if w["type"] == "text"]


def title(widget: dict[str, Any]) -> str:
    return str(widget["properties"])[:60]


@pytest.mark.parametrize("widget", WIDGETS, ids=title)
def test_widget_shows_metrics_that_exist(widget: dict[str, Any]) -> None:
    found = list(shown(widget))

    assert found or widget["type"] != "metric"
    assert not [metric for metric in found if metric not in METRICS], (
        "look the metric up in the documentation of AWS, and add it to METRICS in "
        "tests/support/monitoring.py"
    )


def test_widgets_fit_the_grid_and_do_not_overlap() -> None:
    def cells(widget: dict[str, int]) -> set[tuple[int, int]]:
        across = range(widget["x"], widget["x"] + widget["width"])
        down = range(widget["y"], widget["y"] + widget["height"])
        return {(x, y) for x in across for y in down}

    taken = [cells(widget) for widget in WIDGETS]
    assert all(x < 24 for places in taken for x, _ in places)
    assert not [1 for one, other in combinations(taken, 2) if one & other]


def test_rows_have_titles_and_alarms_are_on_top() -> None:
    assert min(WIDGETS, key=lambda widget: widget["y"])["type"] == "alarm"
    assert [row_title.split(":")[0] for row_title in ROW_TITLES] == [
        "## Availability",
        "## Latency",
        "## Sales",
        "## Backlog",
        "## Cost",
    ]
    rows = [widget["y"] for widget in WIDGETS if widget["type"] == "text"]
    assert {widget["y"] for widget in WIDGETS} == {0, *rows, *(row + 1 for row in rows)}


def test_dashboard_shows_every_alarm() -> None:
    (widget,) = [widget for widget in WIDGETS if widget["type"] == "alarm"]

    assert widget["properties"]["alarms"] == [arn_of(name, it) for name, it in alarms().items()], (
        "list the alarm in the dashboard's alarm widget in operations.yaml"
    )


def arn_of(name: str, alarm: dict[str, Any]) -> str:
    if "AlarmName" not in alarm:
        return f"<{name}.Arn>"
    place = "<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>"
    return f"arn:{place}:alarm:{alarm['AlarmName']}"


def test_dashboard_shows_every_table_queue_and_worker() -> None:
    for kind in ("Read", "Write"):
        of_tables = f'{{AWS/DynamoDB,TableName}} MetricName="Consumed{kind}CapacityUnits"'
        assert json.dumps(f"{of_tables} TableName=shop-test")[1:-1] in BODY
    for queue in resources("AWS::SQS::Queue"):
        assert f'"<{queue}.QueueName>"' in BODY
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        worker = mapping["FunctionName"]["Ref"].removesuffix(".Alias")
        assert f'"shop-test-{worker}"' in BODY


def test_cost_row_covers_every_log_group_and_hashing_function() -> None:
    for name, group in resources("AWS::Logs::LogGroup").items():
        if name != "GatewayLogs":  # off by default
            shown_name = filled(group["LogGroupName"])
            assert f'"IncomingBytes", "LogGroupName", "{shown_name}"' in BODY
    hashing = {
        name
        for name, function in resources("AWS::Serverless::Function").items()
        if function.get("MemorySize") == {"Ref": "HashingMemory"}
    }
    (seconds,) = [w for w in WIDGETS if "GB-seconds" in w["properties"].get("title", "")]
    ids = {row[3]: row[4]["id"] for row in seconds["properties"]["metrics"] if len(row) == 5}

    assert hashing
    assert {name for name, key in ids.items() if key.startswith("hash")} == {
        f"shop-test-{name}" for name in hashing
    }


@pytest.mark.parametrize("widget", WIDGETS, ids=title)
def test_expression_uses_every_hidden_metric_of_its_widget(widget: dict[str, Any]) -> None:
    rows = widget["properties"].get("metrics", [])
    options = [row[-1] for row in rows if isinstance(row[-1], dict)]
    ids = [entry["id"] for entry in options if "id" in entry]

    assert len(ids) == len(set(ids))
    hidden = [entry["id"] for entry in options if entry.get("visible") is False]
    expressions = " ".join(entry.get("expression", "") for entry in options)
    assert not [key for key in hidden if key not in expressions]
