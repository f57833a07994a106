"""Saved queries match the fields of real log lines."""

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
from shop.stream_records import Record
from tests.support.fixtures import ALICE, NOON
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.monitoring import filled
from tests.support.sam_template import resources

QUERIES = [filled(query) for query in resources("AWS::Logs::QueryDefinition").values()]
GROUPS = {f"<{name}>" for name in resources("AWS::Logs::LogGroup")}
# Words of its language: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
WORDS = {"fields", "filter", "stats", "sort", "limit", "by", "as", "and", "or", "asc", "desc"} | {
    *("count", "pct", "sum", "ispresent", "like")
}
# `admin action` has these, and what the edge puts on every line.
OF_ADMIN_ACTIONS = {"action", "actor", "subject", "outcome"}
# What Lambda's runtime logs of a function that cannot be loaded or raises, and its platform of one
# that is ended: https://github.com/aws/aws-lambda-python-runtime-interface-client
OF_LAMBDA = {"errorType", "errorMessage", "record", "status"}
# StartProcessing's word for an order that nobody fulfilled
OF_ORDERS_GIVEN_UP = {"order_id"}


class Told(ResponseModel):
    text: str


@endpoint("GET /things")
def broken() -> Told:
    raise ValueError("unforeseen")


@queue_worker
def failing(delivery: Delivery) -> None:
    raise ValueError(delivery.event["id"])


@stream_worker
def reading(records: Sequence[Record]) -> Iterable[Record]:
    return []


@stream_worker
def stumbling(records: Sequence[Record]) -> Iterable[Record]:
    raise ValueError(records[0].sequence_number)


def logged(log: LogLines) -> list[dict[str, Any]]:
    """What an endpoint and the workers log of one request, when all goes wrong, and one batch of a
    stream that does not.
    """
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
    logger().remove_keys(["request_id"])  # as in a sandbox of its own
    changes = {"Records": [change(request_id), change("of another request")]}
    reading(changes, Context())
    with pytest.raises(SanitizedError):
        stumbling(changes, Context())
    return log()


def change(request_id: str) -> dict[str, Any]:
    """A record of a stream."""
    image = {"id": {"S": "5"}, "request_id": {"S": request_id}}
    told = {"SequenceNumber": "6", "ApproximateCreationDateTime": NOON.timestamp()}
    return {
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/users/stream/2026",
        "dynamodb": told | {"Keys": {"id": {"S": "5"}}, "NewImage": image},
    }


def asked_for(query: str) -> set[str]:
    """What a query reads: names that it neither makes itself nor has from the language."""
    bare = re.sub(r'"[^"]*"', "", query)
    made = set(re.findall(r"\bas (\w+)", bare))
    return set(re.findall(r"(?<![\w@])[a-z_]\w*", bare)) - made - WORDS


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_query_reads_fields_that_lines_have(query: dict[str, Any], log: LogLines) -> None:
    known = {key for line in logged(log) for key in line}
    known |= OF_ADMIN_ACTIONS | OF_ORDERS_GIVEN_UP | OF_LAMBDA

    assert asked_for(query["QueryString"])
    assert asked_for(query["QueryString"]) <= known


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query["Name"]))
def test_query_has_the_name_of_its_stack_and_reads_its_groups(query: dict[str, Any]) -> None:
    assert query["Name"].startswith("shop-test/")
    assert query["LogGroupNames"] and set(query["LogGroupNames"]) <= GROUPS


def test_one_request_is_found_in_the_lines_of_endpoint_queue_and_streams(log: LogLines) -> None:
    (query,) = [it["QueryString"] for it in QUERIES if it["Name"].endswith("/one request")]
    # By text, which finds it in a list too.
    (placeholder,) = re.findall(r'\| filter @message like "(\w+)"\n', query)

    lines = logged(log)

    request_id = lines[0]["request_id"]
    assert placeholder == "REQUEST_ID"
    messages = [line["message"] for line in lines]
    assert messages == ["unforeseen", "request", "not done", "batch", "not done"]
    assert all(request_id in json.dumps(line) for line in lines)


def test_error_query_finds_functions_that_fail_to_load_or_time_out() -> None:
    (query,) = [it["QueryString"] for it in QUERIES if it["Name"].endswith("/errors")]

    assert asked_for(query) >= OF_LAMBDA
    assert "@logStream" in query  # such a line has no `function_name`


def test_unknown_field_is_noticed() -> None:
    assert asked_for('filter message = "request" | stats count(*) as many by colour') == {
        "message",
        "colour",
    }
