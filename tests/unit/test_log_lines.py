"""Log lines equal those of Powertools byte for byte, written by a faster formatter."""

import json
import logging

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from shop.observability import logger
from tests.support.log_lines import LogLines

TRACE = "Root=1-674a1b2c-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"


@pytest.mark.parametrize("trace", [TRACE, ""])
def test_log_line_equals_that_of_powertools(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    keys = {"service": "shop", "request_id": "a-request", "nothing": None}
    theirs = LambdaPowertoolsFormatter(utc=True, use_rfc3339=True, location=None)
    ours = type(logger().registered_formatter)()
    for formatter in (ours, theirs):
        formatter.append_keys(**keys)
    fields = {"status": 200, "names": ["Zoë", None], "caller_id": None, "metrics": {"Latency": 1.5}}
    record = logging.makeLogRecord(
        {"msg": "%s of %d", "args": ("one", 2), "levelname": "INFO", "level": "mine"} | fields
    )

    line = ours.format(record)

    assert line == theirs.format(record)
    assert "Zoë" in line


def test_value_unknown_to_json_is_logged_as_text(log: LogLines) -> None:
    logger().info("request", status={1})

    assert [line["status"] for line in log()] == ["{1}"]


def test_removed_keys_are_in_no_line(log: LogLines) -> None:
    logger().append_keys(passing="here")
    logger().remove_keys(["passing", "never there"])
    logger().info("request")

    assert "passing" not in json.dumps(log())
