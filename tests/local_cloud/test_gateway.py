"""Patches of API Gateway."""

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

MEBIBYTE = 1024 * 1024


def test_gateway_responses_of_the_template_are_used(api: httpx2.Client) -> None:
    response = api.get("/nothing")

    assert response.status_code == 404
    assert response.json()["code"] == "MISSING_AUTHENTICATION_TOKEN"
    assert response.json()["id"] == response.headers["x-request-id"]


def test_token_of_an_unknown_route_is_read_as_a_signature(api: httpx2.Client) -> None:
    response = api.get("/nothing", headers={"Authorization": "Bearer a.b.c"})

    assert (response.status_code, response.json()["code"]) == (403, "DEFAULT_4XX")


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_any_method_serves_every_method(api: httpx2.Client, method: str) -> None:
    assert _event(api.request(method, "/any/a/b"))["pathParameters"] == {"proxy": "a/b"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/role/allowed", 200),
        ("/role/without-permission", 500),
        ("/role/of-another-service", 500),
        ("/role/of-authorizer", 503),
    ],
)
def test_role_of_an_integration_must_allow_its_function(
    api: httpx2.Client, path: str, status: int
) -> None:
    response = api.get(path, headers={"Authorization": "Allow"})

    assert response.status_code == status, response.text
    if status == 500:
        assert response.json()["code"] == "API_CONFIGURATION_ERROR"


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "UNAUTHORIZED"),
        ("Deny", 401, "ACCESS_DENIED"),
        ("crash", 503, "AUTHORIZER_FAILURE"),
        # AUTHORIZER_CONFIGURATION_ERROR maps it, but the response reports this type, as on AWS.
        ("nonsense", 503, "API_CONFIGURATION_ERROR"),
    ],
)
def test_authorizer_failures_have_their_mapped_status(
    api: httpx2.Client, token: str | None, status: int, code: str
) -> None:
    response = api.get("/guarded", headers={"Authorization": token} if token else {})

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert "secret" not in response.text


def test_allowed_caller_passes_its_context_to_the_function(api: httpx2.Client) -> None:
    response = api.get("/guarded", headers={"Authorization": "Allow"})

    authorizer = response.json()["event"]["requestContext"]["authorizer"]
    assert authorizer == {"role": "admin", "principalId": "1"}


@pytest.mark.parametrize(
    "faulty", ["raise", "exit", "text", "dict", "extra", "null", "status", "large"]
)
def test_malformed_response_is_502_without_details(api: httpx2.Client, faulty: str) -> None:
    response = api.get("/faulty", params={"do": faulty})

    assert (response.status_code, response.json()["code"]) == (502, "DEFAULT_5XX")
    assert "secret" not in response.text


def test_response_below_6_mb_is_returned(api: httpx2.Client) -> None:
    response = api.get("/faulty", params={"do": "medium"})

    assert (response.status_code, len(response.content)) == (200, 5 * MEBIBYTE)


def test_import_error_is_502(api: httpx2.Client) -> None:
    assert api.get("/broken").status_code == 502


def test_integration_timeout_has_its_gateway_response(api: httpx2.Client) -> None:
    response = api.get("/impatient", params={"do": "hang"})

    assert (response.status_code, response.json()["code"]) == (503, "INTEGRATION_TIMEOUT")


def test_throttled_function_is_502(api: httpx2.Client, tmp_path: Path) -> None:
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


def test_method_settings_throttle_a_method(api: httpx2.Client) -> None:
    responses = [api.get("/throttled") for _ in range(3)]

    assert [it.status_code for it in responses] == [200, 200, 429]
    assert responses[-1].json()["code"] == "THROTTLED"


def test_body_over_the_limit_of_lambda_is_413(api: httpx2.Client) -> None:
    response = api.post("/echo/1", content=b"x" * 7 * MEBIBYTE)

    assert (response.status_code, response.json()["code"]) == (413, "REQUEST_TOO_LARGE")


def test_body_over_the_limit_of_the_gateway_is_413_in_plain_text(api: httpx2.Client) -> None:
    response = api.post("/echo/1", content=b"x" * 11 * MEBIBYTE)

    assert response.status_code == 413
    assert response.headers["Content-Type"] == "text/plain"
    assert response.text == "HTTP content length exceeded 10485760 bytes."


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"],
)
def test_binary_body_arrives_unchanged(api: httpx2.Client, media_type: str) -> None:
    body = b'{"\xff": 1}'

    event = _event(api.patch("/echo/1", content=body, headers={"Content-Type": media_type}))

    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body


def test_text_body_arrives_as_text(api: httpx2.Client) -> None:
    event = _event(api.post("/echo/1", content="ü", headers={"Content-Type": "text/plain"}))

    assert (event["body"], event["isBase64Encoded"]) == ("ü", False)


def test_request_has_one_id(api: httpx2.Client) -> None:
    response = api.get("/echo/1")
    rejected = api.get("/nothing")

    assert _event(response)["requestContext"]["requestId"] == response.headers["x-amzn-RequestId"]
    assert rejected.json()["id"] == rejected.headers["x-amzn-RequestId"]
    assert response.headers.get_list("x-amzn-RequestId") == [response.headers["x-amzn-RequestId"]]


def test_front_door_passes_the_path_of_the_client(api: httpx2.Client) -> None:
    event = _event(api.get("/echo/a%20b"))

    assert event["requestContext"]["path"] == "/echo/a%20b"
    assert event["pathParameters"] == {"id": "a b"}


def test_front_door_serves_the_path_with_its_stage(api: httpx2.Client) -> None:
    event = _event(api.get("/local/echo/1"))

    assert event["requestContext"]["path"] == "/local/echo/1"
    assert event["path"] == "/echo/1"


def test_execute_api_url_has_the_stage_in_its_path(stack: LocalStack) -> None:
    api_id = stack.resources()["Api"]
    url = f"{stack.emulator.endpoint}/restapis/{api_id}/local/_user_request_/echo/1"

    event = _event(httpx2.get(url, trust_env=False))

    assert event["requestContext"]["path"] == "/local/echo/1"
    assert event["path"] == "/echo/1"


def test_source_ip_ignores_x_forwarded_for(api: httpx2.Client) -> None:
    event = _event(api.get("/echo/1", headers={"X-Forwarded-For": "10.1.1.1"}))

    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["X-Forwarded-For"] == "10.1.1.1, 127.0.0.1"


def test_headers_and_queries_arrive_as_sent(stack: LocalStack) -> None:
    response = _raw(
        stack,
        b"GET /echo/1?a=1&a=2&b= HTTP/1.1\r\nHost: x\r\nX-Odd-CASE: 1\r\nx-odd-case: 2\r\n\r\n",
    )

    event = json.loads(response.partition(b"\r\n\r\n")[2])["event"]
    assert event["multiValueHeaders"]["X-Odd-CASE"] == ["1", "2"]
    assert event["headers"]["X-Odd-CASE"] == "2"
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": ""}


def test_www_authenticate_header_is_remapped(
    api: httpx2.Client,
) -> None:
    response = api.get("/echo/1")

    assert "WWW-Authenticate" not in response.headers
    assert response.headers["x-amzn-Remapped-WWW-Authenticate"] == "Basic"


# Any: an event is any JSON.
def _event(response: httpx2.Response) -> Any:
    return response.json()["event"]


def _raw(stack: LocalStack, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.emulator.api_port)) as connection:
        connection.sendall(request.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        return b"".join(iter(lambda: connection.recv(65536), b""))
