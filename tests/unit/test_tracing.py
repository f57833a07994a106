"""Trace segments of a sampled invocation, without secrets."""

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any, Literal

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from shop import clients, tracing
from shop.deadline import DeadlineExceeded
from shop.entrypoints import stream as streams
from shop.stream_records import StreamRecord
from shop.tracing import annotate, instrumented, traced

TRACE, FUNCTION = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEADER = f"Root={TRACE};Parent={FUNCTION};Sampled=1;Lineage=1:a:0"
SECRET = "ada@example.com"


class Daemon:
    """Return the datagrams at the port of Lambda's X-Ray daemon."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def segments(self) -> list[dict[str, Any]]:
        documents: list[dict[str, Any]] = []
        while True:
            try:
                header, document = self.socket.recv(65536).split(b"\n", 1)
            except BlockingIOError:
                return documents
            assert json.loads(header) == {"format": "json", "version": 1}
            documents.append(json.loads(document))


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    found = Daemon()
    _, port = found.socket.getsockname()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    yield found
    found.socket.close()


class Raw:
    """A body as urllib3 reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> Iterator[bytes]:
        yield self.body


# Any: results and errors of calls, and botocore's clients.
def client(response: Any, service: Literal["dynamodb", "sqs"] = "dynamodb") -> Any:
    """A client with a local response: (status, JSON), or an exception."""

    def send(**_: object) -> AWSResponse:
        if isinstance(response, BaseException):
            raise response
        status, body = response
        raw = Raw(json.dumps(body).encode())
        headers = HTTPHeaders.from_dict({"x-amzn-RequestId": "REQUEST"})
        return AWSResponse("http://localhost", status, headers, raw)

    made: Any = boto3.client(
        service,
        "eu-central-1",
        aws_access_key_id="id",
        aws_secret_access_key="key",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    made.meta.events.register("before-send", send)
    return instrumented(made)


def put(**more: Any) -> dict[str, Any]:
    return {"TableName": "shop-Users", "Item": {"email": {"S": SECRET}}, **more}


def test_request_segment_has_its_search_annotations(daemon: Daemon) -> None:
    before = time.time()
    with traced("request"):
        annotate(route="GET /api/users/{userId}", caller="someone", order_id=None)
        annotate(status=404)
    (request,) = daemon.segments()

    assert request["annotations"] == {
        "route": "GET /api/users/{userId}",
        "caller": "someone",
        "status": 404,
    }
    assert (request["trace_id"], request["parent_id"]) == (TRACE, FUNCTION)
    assert (request["type"], request["name"]) == ("subsegment", "request")
    assert (request["error"], request.get("fault")) == (True, None)
    assert before <= request["start_time"] <= request["end_time"] <= time.time()


@pytest.mark.parametrize(
    ("status", "kinds"),
    [(200, set()), (409, {"error"}), (429, {"error", "throttle"}), (503, {"fault"})],
)
def test_status_determines_error_or_fault(daemon: Daemon, status: int, kinds: set[str]) -> None:
    with traced("request"):
        annotate(status=status)
    (request,) = daemon.segments()

    assert request.keys() & {"error", "throttle", "fault"} == kinds
    assert request["http"]["response"]["status"] == status


def test_call_is_a_subsegment_of_its_caller(daemon: Daemon) -> None:
    with traced("request"):
        client((200, {})).put_item(**put())
    call, request = daemon.segments()

    assert call["parent_id"] == request["id"]
    assert (call["name"], call["namespace"]) == ("dynamodb", "aws")
    assert call["aws"] == {
        "operation": "PutItem",
        "region": "eu-central-1",
        "table_name": "shop-Users",
        "request_id": "REQUEST",
        "retries": 0,
    }
    assert request["start_time"] <= call["start_time"]
    assert call["end_time"] <= request["end_time"]


def test_call_outside_of_any_work_belongs_to_the_function(daemon: Daemon) -> None:
    client((200, {})).put_item(**put())

    assert [call["parent_id"] for call in daemon.segments()] == [FUNCTION]


def test_transaction_names_each_table_once(daemon: Daemon) -> None:
    item = {"id": {"S": "1"}}
    actions = [
        {"Put": {"TableName": "Orders", "Item": item}},
        {"Delete": {"TableName": "Orders", "Key": item}},
        {"ConditionCheck": {"TableName": "Users", "Key": item, "ConditionExpression": "x"}},
    ]
    client((200, {})).transact_write_items(TransactItems=actions)
    client((200, {})).batch_get_item(RequestItems={"Products": {"Keys": [item]}})

    tables = [call["aws"]["table_names"] for call in daemon.segments()]
    assert tables == [["Orders", "Users"], ["Products"]]


def test_queue_is_named(daemon: Daemon) -> None:
    client((200, {}), "sqs").send_message(QueueUrl="http://localhost/q", MessageBody=SECRET)
    (call,) = daemon.segments()

    assert call["aws"]["queue_url"] == "http://localhost/q"
    assert SECRET not in json.dumps(call)


def test_rejected_call_has_its_code_and_no_message(daemon: Daemon) -> None:
    rejection = {"__type": "ConditionalCheckFailedException", "message": f"not {SECRET}"}
    with pytest.raises(ClientError):
        client((400, rejection)).put_item(**put())
    (call,) = daemon.segments()

    assert call["error"]
    assert call["cause"]["exceptions"][0]["type"] == "ConditionalCheckFailedException"
    assert SECRET not in json.dumps(call)


def test_call_without_a_response_is_a_fault(daemon: Daemon) -> None:
    with pytest.raises(ReadTimeoutError):
        client(ReadTimeoutError(endpoint_url=SECRET)).put_item(**put())
    (call,) = daemon.segments()

    assert call["fault"]
    assert call["cause"]["exceptions"][0]["type"] == "ReadTimeoutError"
    assert SECRET not in json.dumps(call)


def test_call_cut_short_by_the_deadline_is_recorded(daemon: Daemon) -> None:
    with pytest.raises(DeadlineExceeded), traced("request"):
        client(DeadlineExceeded()).put_item(**put())
    call, request = daemon.segments()

    assert call["aws"]["operation"] == "PutItem"
    assert call["fault"]
    assert request["fault"]


def test_exception_passes_through_and_is_recorded_by_type_only(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match=SECRET), traced("message"):
        raise ValueError(SECRET)
    (message,) = daemon.segments()

    assert message["cause"]["exceptions"][0]["type"] == "ValueError"
    assert message["fault"]
    assert SECRET not in json.dumps(message)


def test_nested_work_is_a_subsegment_and_later_work_is_not(daemon: Daemon) -> None:
    with traced("batch"):
        with traced("message"):
            pass
        with traced("message"):
            pass
    first, second, batch = daemon.segments()

    assert first["parent_id"] == second["parent_id"] == batch["id"]


def test_long_list_is_truncated_to_the_xray_limit(daemon: Daemon) -> None:
    with traced("batch"):
        annotate(request_id="x" * 2000)
    (batch,) = daemon.segments()

    assert len(batch["annotations"]["request_id"]) == tracing.MAX_CHARACTERS


@pytest.mark.parametrize("header", ["", HEADER.replace("Sampled=1", "Sampled=0"), "Sampled=?"])
def test_unsampled_invocation_sends_nothing(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)

    with traced("request"):
        annotate(status=200)
        client((200, {})).put_item(**put())

    assert daemon.segments() == []


def test_sampling_is_decided_per_invocation(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = client((200, {}))
    for sampled in ("0", "1", "0"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER.replace("Sampled=1", f"Sampled={sampled}"))
        users.put_item(**put())

    assert len(daemon.segments()) == 1


@pytest.mark.parametrize(
    "address", ["", "nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:1"]
)
def test_missing_daemon_causes_no_failure_and_no_wait(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    users = client((200, {}))

    def seconds() -> float:
        started = time.perf_counter()
        with traced("request"):
            users.put_item(**put())
        return time.perf_counter() - started

    # The fastest run, since a busy machine slows any single one.
    assert min(seconds() for _ in range(100)) < 0.02


def test_oversized_segment_causes_no_failure(daemon: Daemon) -> None:
    items = {f"{number:0255}": {"Keys": [{"id": {"S": "1"}}]} for number in range(500)}

    with traced("request"):
        client((200, {})).batch_get_item(RequestItems=items)

    assert [it["name"] for it in daemon.segments()] == ["request"]


def test_failing_socket_causes_no_failure(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(tracing, "_socket", no_more)

    with traced("request"):
        pass

    assert daemon.segments() == []


def test_invalid_call_is_rejected_as_without_tracing(daemon: Daemon) -> None:
    with pytest.raises(ParamValidationError), traced("request"):
        client((200, {})).put_item(TableName="Users", Item=SECRET)

    assert SECRET not in json.dumps(daemon.segments())


def test_header_is_parsed_as_lambda_sets_it(daemon: Daemon) -> None:
    assert os.environ["_X_AMZN_TRACE_ID"] == HEADER
    with traced("request"):
        pass

    assert {it["trace_id"] for it in daemon.segments()} == {TRACE}


@pytest.mark.parametrize(
    "make",
    [
        *(clients.dynamodb, clients.events, clients.mail),
        *(clients.parameters, clients.queues, clients.secrets),
    ],
)
def test_every_client_is_instrumented(daemon: Daemon, make: Any) -> None:
    context: dict[str, Any] = {"client_region": "eu-central-1"}
    service = make().meta.service_model
    model = service.operation_model(service.operation_names[0])
    make().meta.events.emit(
        f"before-parameter-build.any.{model.name}", params={}, model=model, context=context
    )
    make().meta.events.emit(f"after-call.any.{model.name}", parsed={}, context=context)

    assert [call["aws"]["operation"] for call in daemon.segments()] == [model.name]


def change(request_id: str | None, deleted: bool = False) -> StreamRecord:
    item = {"id": {"S": "1"}} | ({"request_id": {"S": request_id}} if request_id else {})
    images = {"OldImage": item} if deleted else {"NewImage": item}
    times = {"SequenceNumber": "1", "ApproximateCreationDateTime": 0}
    return StreamRecord(
        {
            "eventSourceARN": "arn:aws:dynamodb:::table/Orders/stream/now",
            "dynamodb": {"Keys": {"id": {"S": "1"}}, **images, **times},
        }
    )


def test_batch_names_each_request_once_and_none_for_deletions() -> None:
    records = [change("a"), change("b"), change("a"), change(None), change("c", deleted=True)]

    assert streams._request_ids(records) == ["a", "b"]
    assert streams._request_ids([change(None)]) == []
