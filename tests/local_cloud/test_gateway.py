"""The emulator's API Gateway, where it differs from AWS as it is installed."""

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

MEBIBYTE = 1024 * 1024


def test_gateway_responses_of_the_template_are_used(api: httpx.Client) -> None:
    answer = api.get("/nothing")

    assert answer.status_code == 404
    assert answer.json()["code"] == "MISSING_AUTHENTICATION_TOKEN"
    assert answer.json()["id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "UNAUTHORIZED"),
        ("Deny", 401, "ACCESS_DENIED"),
        ("crash", 503, "AUTHORIZER_FAILURE"),
        # As on AWS, the type is shown under another name than it is mapped by.
        ("nonsense", 503, "API_CONFIGURATION_ERROR"),
    ],
)
def test_authorizer_outcomes_have_the_status_they_are_mapped_to(
    api: httpx.Client, token: str | None, status: int, code: str
) -> None:
    answer = api.get("/guarded", headers={"Authorization": token} if token else {})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert "secret" not in answer.text


def test_an_allowed_caller_reaches_the_function_with_the_context(api: httpx.Client) -> None:
    answer = api.get("/guarded", headers={"Authorization": "Allow"})

    authorizer = answer.json()["event"]["requestContext"]["authorizer"]
    assert authorizer == {"role": "admin", "principalId": "1"}


@pytest.mark.parametrize(
    "mischief", ["raise", "exit", "text", "dict", "extra", "null", "status", "large"]
)
def test_what_is_no_answer_is_502_and_leaks_nothing(api: httpx.Client, mischief: str) -> None:
    answer = api.get("/mischief", params={"do": mischief})

    assert (answer.status_code, answer.json()["code"]) == (502, "DEFAULT_5XX")
    assert "secret" not in answer.text


def test_an_answer_below_6_mb_passes(api: httpx.Client) -> None:
    answer = api.get("/mischief", params={"do": "medium"})

    assert (answer.status_code, len(answer.content)) == (200, 5 * MEBIBYTE)


def test_a_function_that_cannot_be_imported_is_502(api: httpx.Client) -> None:
    assert api.get("/broken").status_code == 502


def test_an_integration_that_takes_too_long_is_its_own_error(api: httpx.Client) -> None:
    answer = api.get("/impatient", params={"do": "hang"})

    assert (answer.status_code, answer.json()["code"]) == (503, "INTEGRATION_TIMEOUT")


def test_throttled_function_is_502(api: httpx.Client, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    held = hold.with_suffix(".held")
    with ThreadPoolExecutor(1) as client:
        first = client.submit(api.get, "/single", params={"do": "hold", "file": str(hold)})
        assert eventually(held.exists)
        statuses = [api.get("/single").status_code for _ in range(2)]
        held.unlink()

        assert first.result().status_code == 200
    assert statuses == [502, 502]


def test_a_method_is_throttled_as_its_settings_say(api: httpx.Client) -> None:
    answers = [api.get("/throttled") for _ in range(3)]

    assert [it.status_code for it in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "THROTTLED"


@pytest.mark.parametrize("size", [11 * MEBIBYTE, 7 * MEBIBYTE])
def test_a_body_too_large_for_the_gateway_or_for_lambda_is_413(
    api: httpx.Client, size: int
) -> None:
    answer = api.post("/echo/1", content=b"x" * size)

    assert (answer.status_code, answer.json()["code"]) == (413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"],
)
def test_bodies_of_binary_media_types_arrive_byte_for_byte(
    api: httpx.Client, media_type: str
) -> None:
    body = b'{"\xff": 1}'

    event = _event(api.patch("/echo/1", content=body, headers={"Content-Type": media_type}))

    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body


def test_other_bodies_arrive_as_text(api: httpx.Client) -> None:
    event = _event(api.post("/echo/1", content="ü", headers={"Content-Type": "text/plain"}))

    assert (event["body"], event["isBase64Encoded"]) == ("ü", False)


def test_a_request_has_one_id(api: httpx.Client) -> None:
    answer = api.get("/echo/1")
    refused = api.get("/nothing")

    assert _event(answer)["requestContext"]["requestId"] == answer.headers["x-amzn-RequestId"]
    assert refused.json()["id"] == refused.headers["x-amzn-RequestId"]
    assert answer.headers.get_list("x-amzn-RequestId") == [answer.headers["x-amzn-RequestId"]]


def test_the_path_is_the_clients_own_on_the_second_port(api: httpx.Client) -> None:
    event = _event(api.get("/echo/a%20b"))

    assert event["requestContext"]["path"] == "/echo/a%20b"
    assert event["pathParameters"] == {"id": "a b"}


def test_the_path_has_the_stage_through_the_execute_api_url(stack: LocalStack) -> None:
    api_id = stack.resources()["Api"]
    url = f"{stack.emulator.endpoint}/restapis/{api_id}/local/_user_request_/echo/1"

    event = _event(httpx.get(url, trust_env=False))

    assert event["requestContext"]["path"] == "/local/echo/1"
    assert event["path"] == "/echo/1"


def test_the_source_is_the_peer_whatever_the_client_says(api: httpx.Client) -> None:
    event = _event(api.get("/echo/1", headers={"X-Forwarded-For": "10.1.1.1"}))

    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["X-Forwarded-For"] == "10.1.1.1, 127.0.0.1"


def test_headers_and_queries_arrive_as_the_client_wrote_them(stack: LocalStack) -> None:
    answer = _raw(
        stack,
        b"GET /echo/1?a=1&a=2&b= HTTP/1.1\r\nHost: x\r\nX-Odd-CASE: 1\r\nx-odd-case: 2\r\n\r\n",
    )

    event = json.loads(answer.partition(b"\r\n\r\n")[2])["event"]
    assert event["multiValueHeaders"]["X-Odd-CASE"] == ["1", "2"]
    assert event["headers"]["X-Odd-CASE"] == "2"
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": ""}


def test_a_functions_own_challenge_reaches_the_client_under_another_name(
    api: httpx.Client,
) -> None:
    answer = api.get("/echo/1")

    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"


# Any: an event is whatever JSON holds.
def _event(answer: httpx.Response) -> Any:
    return answer.json()["event"]


def _raw(stack: LocalStack, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.emulator.api_port)) as connection:
        connection.sendall(request.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        return b"".join(iter(lambda: connection.recv(65536), b""))
