"""Saved queries use fields and messages that the log lines have."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from shop.entrypoints.http import endpoint
from shop.entrypoints.queue import Delivery, queue_worker
from shop.entrypoints.stream import stream_worker
from shop.http.response_models import ResponseModel
from shop.observability import logger
from shop.redaction import SanitizedError
from shop.stream_records import StreamRecord
from tests.support.fixtures import ALICE, NOON
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.monitoring import filled
from tests.support.sam_template import ROOT, resources

QUERIES = [filled(query) for query in resources("AWS::Logs::QueryDefinition").values()]
GROUPS = {filled(it["LogGroupName"]) for it in resources("AWS::Logs::LogGroup").values()}
# Renamed messages, which the previous version logs during a deployment
OF_PREVIOUS_VERSION = {"not done", "mail refused"}
# Keywords of the query language: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
WORDS = {
    "fields",
    "filter",
    "stats",
    "sort",
    "limit",
    "by",
    "as",
    "and",
    "or",
    "asc",
    "desc",
    "in",
} | {*("count", "count_distinct", "pct", "sum", "ispresent", "like")}
# Fields of `admin action`, besides those that the entry point adds to every line.
OF_ADMIN_ACTIONS = {"action", "actor", "subject", "outcome"}
# Fields of Lambda's runtime for a function that cannot be loaded or raises, and of its platform for
# one that times out: https://github.com/aws/aws-lambda-python-runtime-interface-client
OF_LAMBDA = {"errorType", "errorMessage", "record", "status"}
# StartProcessing logs it for an order whose fulfilment failed.
OF_ORDERS_GIVEN_UP = {"order_id"}
# `malformed password hash`, and reused tokens and codes, have these.
OF_ACCOUNTS = {"client_id", "user_id"}


class TextResponse(ResponseModel):
    text: str


@endpoint("GET /things")
def broken() -> TextResponse:
    raise ValueError("unhandled exception")


@queue_worker
def failing(delivery: Delivery) -> None:
    raise ValueError(delivery.event["id"])


@stream_worker
def reading(records: Sequence[StreamRecord]) -> Iterable[StreamRecord]:
    return []


@stream_worker
def stumbling(records: Sequence[StreamRecord]) -> Iterable[StreamRecord]:
    raise ValueError(records[0].sequence_number)


def logged(log: LogLines) -> list[dict[str, Any]]:
    """Return the lines of a failed request and its failed workers, and of one successful batch."""
    asked = event("GET /things", caller=ALICE)
    request_id = asked["requestContext"]["requestId"]
    broken(asked, Context())
    detail = {"id": "1", "type": "order.placed", "subject": "2", "correlationid": request_id}
    message: Mapping[str, Any] = {
        "messageId": "4",
        "eventSource": "aws:sqs",
        "body": json.dumps({"detail": detail}),
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    failing({"Records": [message]}, Context())
    logger().remove_keys(["request_id"])  # as in another execution environment
    changes = {"Records": [change(request_id), change("of another request")]}
    reading(changes, Context())
    with pytest.raises(SanitizedError):
        stumbling(changes, Context())
    return log()


def change(request_id: str) -> dict[str, Any]:
    """Return a stream record."""
    image = {"id": {"S": "5"}, "request_id": {"S": request_id}}
    common = {"SequenceNumber": "6", "ApproximateCreationDateTime": NOON.timestamp()}
    return {
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/users/stream/2026",
        "dynamodb": common | {"Keys": {"id": {"S": "5"}}, "NewImage": image},
    }


def quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


def asked_for(query: str) -> set[str]:
    """Return the fields that a query reads: neither its own aliases nor keywords."""
    bare = re.sub(r'"[^"]*"', "", query)
    made = set(re.findall(r"\bas (\w+)", bare))
    return set(re.findall(r"(?<![\w@])[a-z_]\w*", bare)) - made - WORDS


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_query_reads_fields_that_lines_have(query: dict[str, Any], log: LogLines) -> None:
    known = {key for line in logged(log) for key in line}
    known |= OF_ADMIN_ACTIONS | OF_ORDERS_GIVEN_UP | OF_ACCOUNTS | OF_LAMBDA

    assert asked_for(query["QueryString"])
    assert asked_for(query["QueryString"]) <= known


def test_queries_and_metric_filters_match_messages_that_the_code_logs() -> None:
    patterns = [query["QueryString"] for query in QUERIES]
    patterns += [it["FilterPattern"] for it in resources("AWS::Logs::MetricFilter").values()]
    text = "\n".join(patterns)
    messages = set(re.findall(r'message = "([^"]+)"', text))
    messages |= {it for found in re.findall(r"message in \[(.+?)\]", text) for it in quoted(found)}
    code = "\n".join(
        path.read_text()
        for folder in ("layers/shop/shop", "functions")
        for path in (ROOT / folder).rglob("*.py")
    )

    logged_ones = {it for it in messages if re.search(rf'[(,]\s*"{it}"', code)}
    assert logged_ones >= {"request", "failed", "email rejected"}
    assert messages - logged_ones == OF_PREVIOUS_VERSION


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_query_is_named_after_its_stack_and_reads_its_log_groups(query: dict[str, Any]) -> None:
    assert query["Name"].startswith("shop-test/")
    assert query["LogGroupNames"] and set(query["LogGroupNames"]) <= GROUPS


def test_one_request_query_matches_lines_of_endpoint_queue_and_streams(log: LogLines) -> None:
    (query,) = [it["QueryString"] for it in QUERIES if it["Name"].endswith("/one request")]
    # Matches text, so it finds the id in a list too.
    (placeholder,) = re.findall(r'\| filter @message like "(\w+)"\n', query)

    lines = logged(log)

    request_id = lines[0]["request_id"]
    assert placeholder == "REQUEST_ID"
    messages = [line["message"] for line in lines]
    assert messages == ["unhandled exception", "request", "failed", "batch", "failed"]
    assert all(request_id in json.dumps(line) for line in lines)


def test_errors_query_includes_functions_that_cannot_be_loaded_or_time_out() -> None:
    (query,) = [it["QueryString"] for it in QUERIES if it["Name"].endswith("/errors")]

    assert asked_for(query) >= OF_LAMBDA
    assert "@logStream" in query  # these lines have no `function_name`


def test_unknown_field_of_a_query_is_detected() -> None:
    assert asked_for('filter message = "request" | stats count(*) as many by colour') == {
        "message",
        "colour",
    }
