"""Metrics as CloudWatch extracts them from log lines, with the format's rules checked.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from typing import Any  # a log line is JSON

# (name, dimensions) → (unit, value)
type Metrics = dict[tuple[str, frozenset[tuple[str, str]]], tuple[str, float]]


def metrics_of(line: dict[str, Any], namespace: str) -> Metrics:
    """Return the metrics of a log line; none without metadata."""
    found: Metrics = {}
    if "_aws" not in line:
        return found
    assert line["_aws"].keys() == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert 1e12 < line["_aws"]["Timestamp"] < 1e13  # milliseconds
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == namespace
        assert 1 <= len(directive["Metrics"]) <= 100
        (names,) = directive["Dimensions"]  # several sets would multiply each metric
        assert len(names) <= 30
        assert all(isinstance(line[name], str) and 0 < len(line[name]) <= 1024 for name in names)
        for metric in directive["Metrics"]:
            assert metric.keys() == {"Name", "Unit"}
            assert metric["Unit"] in ("Count", "Milliseconds", "None")
            value = line[metric["Name"]]
            assert isinstance(value, int | float) and not isinstance(value, bool)
            key = (metric["Name"], frozenset((name, line[name]) for name in names))
            assert key not in found
            found[key] = (metric["Unit"], value)
    return found


def counted(line: dict[str, Any], namespace: str) -> dict[str, float]:
    """Return all metrics by name, except the latency that every request has."""
    return {
        name: value
        for (name, _), (_, value) in metrics_of(line, namespace).items()
        if name != "Latency"
    }
