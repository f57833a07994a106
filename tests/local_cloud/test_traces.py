"""Traces in the local cloud: one for each request, from the gateway on, in a file."""

import io
import json
import socket
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.waiting import eventually
from tools.local_cloud.clients import client
from tools.local_cloud.emulator_process import EmulatorProcess
from tools.local_cloud.free_port import free_port
from tools.local_cloud.stack import LocalStack
from tools.local_cloud.traces import Span, read_documents, trees

HEADER = b'{"format": "json", "version": 1}\n'
TOKEN = {"Authorization": "Allow"}


def traced(stack: LocalStack, request_id: str) -> Span:
    def look() -> list[Span]:
        tops = trees(read_documents(stack.emulator.traces))
        return [it for it in tops if request_id in it.request_ids()]

    (found,) = eventually(look)
    return found


# Any: what the function answers.
def seen(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    variables: dict[str, Any] = answer.json()["variables"]
    return variables


def test_gateway_authorizer_and_function_are_one_trace(
    api: httpx.Client, stack: LocalStack
) -> None:
    answer = api.get("/guarded", headers=TOKEN)
    gateway = traced(stack, answer.headers["x-amzn-RequestId"])
    authorizer, function = gateway.below

    assert "Authorizer" in authorizer.name
    assert "Echo" in function.name
    assert {it.document["trace_id"] for it in (gateway, authorizer, function)} == {
        gateway.document["trace_id"]
    }
    assert gateway.start <= authorizer.start <= authorizer.end <= function.start
    assert function.end <= gateway.end
    header = dict(it.split("=") for it in seen(answer)["_X_AMZN_TRACE_ID"].split(";"))
    assert header == {
        "Root": gateway.document["trace_id"],
        "Parent": function.document["id"],
        "Sampled": "1",
    }


def test_a_cold_start_is_within_its_function(api: httpx.Client, stack: LocalStack) -> None:
    name = stack.resources()["Echo"]
    lambda_ = client("lambda", stack.emulator.endpoint, stack.deployment.region)
    lambda_.update_function_configuration(FunctionName=name, Description="colder")
    version = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    answers = [api.get("/echo/1") for _ in range(2)]
    cold, warm = (traced(stack, it.headers["x-amzn-RequestId"]).below[0] for it in answers)

    (starting,) = cold.below
    assert starting.name == "Initialization"
    assert cold.start <= starting.start < starting.end < cold.end
    assert warm.below == []


def test_the_route_is_kept_and_never_the_path(api: httpx.Client, stack: LocalStack) -> None:
    answer = api.get("/echo/a-secret-in-the-path", params={"q": "a-secret-in-the-query"})
    gateway = traced(stack, answer.headers["x-amzn-RequestId"])

    assert gateway.document["aws"]["api_gateway"]["route"] == "GET /echo/{id}"
    assert gateway.document["http"] == {"response": {"status": 200}}
    assert "a-secret" not in stack.emulator.traces.read_text()


def test_what_is_refused_at_the_gateway_is_traced_too(api: httpx.Client, stack: LocalStack) -> None:
    gateway = traced(stack, api.get("/nowhere").json()["id"])

    assert gateway.document["http"]["response"]["status"] == 404
    assert gateway.below == []


def test_what_a_function_tells_the_daemon_is_below_it(api: httpx.Client, stack: LocalStack) -> None:
    answer = api.get("/echo/1")
    header = dict(it.split("=") for it in seen(answer)["_X_AMZN_TRACE_ID"].split(";"))
    now = time.time()
    document = {
        "name": "dynamodb",
        "id": "told",
        "trace_id": header["Root"],
        "parent_id": header["Parent"],
        "start_time": now,
        "end_time": now,
    }
    tell(seen(answer)["AWS_XRAY_DAEMON_ADDRESS"], HEADER + json.dumps(document).encode())

    request_id = answer.headers["x-amzn-RequestId"]
    (told,) = eventually(lambda: traced(stack, request_id).below[0].below)
    assert told.document == document


def test_a_datagram_that_is_none_of_xrays_ends_nothing(
    api: httpx.Client, stack: LocalStack
) -> None:
    address = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"]
    tell(address, b"")
    tell(address, b"no newline")
    tell(address, HEADER + b'{"id": "after"}')

    assert eventually(lambda: '"after"' in stack.emulator.traces.read_text())


def test_the_daemon_is_on_this_machine_only(api: httpx.Client) -> None:
    host, _, port = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"].partition(":")

    assert host == "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError):
        other.bind((host, int(port)))


def test_the_file_keeps_the_newest_whoever_reads_it(api: httpx.Client, stack: LocalStack) -> None:
    address = seen(api.get("/echo/1"))["AWS_XRAY_DAEMON_ADDRESS"]
    enough = threading.Event()
    failed: list[Exception] = []

    def read() -> None:
        while not enough.is_set():
            try:
                read_documents(stack.emulator.traces)
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(9000):
        tell(address, HEADER + json.dumps({"id": f"many-{number}"}).encode())
        if number % 100 == 0:
            time.sleep(0.01)
    assert eventually(lambda: "many-8999" in stack.emulator.traces.read_text())
    enough.set()
    reader.join()

    kept = read_documents(stack.emulator.traces)
    assert failed == []
    assert 4000 <= len(kept) <= 8000
    assert kept[-1] == {"id": "many-8999"}


@pytest.mark.parametrize("sample", [True, False])
def test_an_invocation_is_traced_if_it_is_sampled(tmp_path: Path, sample: bool) -> None:
    region = "us-east-1"
    emulator = EmulatorProcess(tmp_path, free_port(), free_port(), "none", region, sample=sample)
    emulator.start()
    try:
        role = client("iam", emulator.endpoint, region).create_role(
            RoleName="any", AssumeRolePolicyDocument="{}"
        )
        lambda_ = client("lambda", emulator.endpoint, region)
        lambda_.create_function(
            FunctionName="shown",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="shown.handler",
            Code={"ZipFile": zipped("shown.py", SHOWN)},
            TracingConfig={"Mode": "Active"},
        )
        header = json.loads(lambda_.invoke(FunctionName="shown")["Payload"].read())
        assert header.endswith(f";Sampled={int(sample)}")
        if sample:
            assert eventually(lambda: read_documents(emulator.traces))
    finally:
        emulator.stop()

    assert [it["name"] for it in read_documents(emulator.traces)] == ["shown"] * sample


SHOWN = "import os\ndef handler(*_): return os.environ['_X_AMZN_TRACE_ID']\n"


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def tell(address: str, datagram: bytes) -> None:
    host, _, port = address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(datagram, (host, int(port)))
