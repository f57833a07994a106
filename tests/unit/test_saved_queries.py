"""Saved queries ask for what the log lines really have."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from shop.endpoint import endpoint
from shop.queues import Delivery, queue_worker
from shop.schemas import Reply
from tests.conftest import LogLines
from tests.people import ALICE
from tests.requests import Context, event
from tests.template import resources
from tests.watching import filled

QUERIES = [filled(query) for query in resources("AWS::Logs::QueryDefinition").values()]
GROUPS = {f"<{name}>" for name in resources("AWS::Logs::LogGroup")}
# Words of its language: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
WORDS = {"fields", "filter", "stats", "sort", "limit", "by", "as", "and", "or", "asc", "desc"} | {
    *("count", "pct", "sum", "ispresent")
}
# `admin action` has these, and what the edge puts on every line.
OF_ADMIN_ACTIONS = {"action", "actor", "subject", "outcome"}
# What Lambda's runtime logs of a function that cannot be loaded or raises, and its platform of one
# that is ended: https://github.com/aws/aws-lambda-python-runtime-interface-client
OF_LAMBDA = {"errorType", "errorMessage", "record", "status"}
# StartProcessing's word for an order that nobody fulfilled
OF_ORDERS_GIVEN_UP = {"order_id"}


class Told(Reply):
    text: str


@endpoint("GET /things")
def broken() -> Told:
    raise ValueError("unforeseen")


@queue_worker
def failing(delivery: Delivery) -> None:
    raise ValueError(delivery.event["id"])


def logged(log: LogLines) -> set[str]:
    """The keys of what an endpoint and a worker log, when all goes wrong."""
    broken(event("GET /things", caller=ALICE), Context())
    body = {"detail": {"id": "1", "type": "order.placed", "subject": "2", "correlationid": "3"}}
    record: Mapping[str, Any] = {
        "messageId": "4",
        "eventSource": "aws:sqs",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    failing({"Records": [record]}, Context())
    return {key for line in log() for key in line}


def asked_for(query: str) -> set[str]:
    """What a query reads: names that it neither makes itself nor has from the language."""
    bare = re.sub(r'"[^"]*"', "", query)
    made = set(re.findall(r"\bas (\w+)", bare))
    return set(re.findall(r"(?<![\w@])[a-z_]\w*", bare)) - made - WORDS


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_a_query_reads_keys_that_lines_have(query: dict[str, Any], log: LogLines) -> None:
    known = logged(log) | OF_ADMIN_ACTIONS | OF_ORDERS_GIVEN_UP | OF_LAMBDA

    assert asked_for(query["QueryString"])
    assert asked_for(query["QueryString"]) <= known


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_a_query_is_named_after_its_stack_and_reads_its_groups(query: dict[str, Any]) -> None:
    assert query["Name"].startswith("shop-test/")
    assert query["LogGroupNames"] and set(query["LogGroupNames"]) <= GROUPS


def test_errors_are_also_those_of_functions_that_cannot_be_loaded_or_are_ended() -> None:
    (query,) = [it["QueryString"] for it in QUERIES if it["Name"].endswith("/errors")]

    assert asked_for(query) >= OF_LAMBDA
    assert "@logStream" in query  # such a line has no `function_name`


def test_a_key_that_no_line_has_is_noticed() -> None:
    assert asked_for('filter message = "request" | stats count(*) as many by colour') == {
        "message",
        "colour",
    }
