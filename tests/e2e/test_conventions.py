"""What every answer keeps, whoever gives it: a function or the gateway itself."""

import json
from typing import Any

import httpx
import pytest

from tests.deployed import Shop, error_of
from tests.people import PASSWORD

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Access-Control-Expose-Headers": (
        "ETag, Location, Link, Retry-After, X-Request-Id, Idempotent-Replayed"
    ),
}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_every_answer_has_the_security_headers_and_a_request_id(shop: Shop) -> None:
    answers = [
        shop.anonymous.get("/health"),
        shop.anonymous.get("/nowhere"),
        shop.anonymous.get("/api/users/me"),
        shop.anonymous.post("/api/users", content=b"{", headers=JSON),
        shop.anonymous.get("/api/users/me", headers={"Authorization": "Bearer a.b.c"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 401, 400, 401]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert answer.headers["X-Request-Id"]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/docs/page.js/nowhere"),
        ("GET", "/nowhere"),
        ("GET", "/api"),
        ("DELETE", "/health"),
        ("PUT", "/api/users"),
        ("GET", "/api/users/me/orders/1/2"),
        ("GET", "/%2e%2e/health"),
    ],
)
def test_no_such_route_or_method_is_404(shop: Shop, method: str, path: str) -> None:
    answer = shop.admin.http.request(method, path)

    assert error_of(answer) == (404, "NOT_FOUND")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer a.b",
        "Bearer a.b.c.d.e",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Basic YWRhOmFkYQ==",
        "Token a.b.c",
        "Bearer " + "x" * 9000,
    ],
)
def test_what_is_no_token_is_401_and_says_how_to_authenticate(
    shop: Shop, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    answer = shop.anonymous.get("/api/users/me", headers=headers)

    assert error_of(answer) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(shop: Shop, scheme: str) -> None:
    token = shop.admin.grant["accessToken"]

    answer = shop.anonymous.get("/api/users/me", headers={"Authorization": f"{scheme} {token}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", JSON, (400, "BAD_REQUEST")),
        (b"", {}, (400, "BAD_REQUEST")),
        (b"{", JSON, (400, "BAD_REQUEST")),
        (b'{"email": NaN}', JSON, (400, "BAD_REQUEST")),
        (b'{"email": "a", "email": "b"}', JSON, (400, "BAD_REQUEST")),
        (b'{"name": "\xff"}', JSON, (400, "BAD_REQUEST")),
        (b'{"name": "\\ud800"}', JSON, (400, "BAD_REQUEST")),
        (b"[" * 33 + b"]" * 33, JSON, (400, "BAD_REQUEST")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            b"email=a",
            FORM,
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (b"{}", {}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'"' + b"x" * 1024 * 1024 + b'"', JSON, (413, "PAYLOAD_TOO_LARGE")),
        (b'"' + b"x" * 11 * 1024 * 1024 + b'"', JSON, (413, "PAYLOAD_TOO_LARGE")),
        (b"{}", JSON, (422, "VALIDATION_ERROR")),
        (b"[]", JSON, (422, "VALIDATION_ERROR")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_cannot_be_read_is_refused_and_nothing_changes(
    shop: Shop, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    before = shop.everything()

    answer = shop.anonymous.post("/api/users", content=body, headers=headers)

    assert error_of(answer) == expected
    assert shop.everything() == before


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_text_of_any_script_survives(shop: Shop, content_type: str) -> None:
    name = "Zoë 王小明 👩‍🚀"
    headers = {"Content-Type": content_type}
    body = {"sku": f"S-{len(content_type)}", "name": name, "price": "1.00", "currency": "EUR"}

    answer = shop.admin.http.post(
        "/api/products",
        content=json.dumps(body | {"stock": None}, ensure_ascii=False).encode(),
        headers=headers,
    )

    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == name


@pytest.mark.parametrize(
    "path", ["/health", "/api/users/me", "/api/users/me/orders", "/.well-known/jwks.json"]
)
def test_an_unknown_query_parameter_is_refused(shop: Shop, path: str) -> None:
    answer = shop.admin.http.get(path, params={"limitt": "5"})

    assert error_of(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"][0]["field"] == "query.limitt"


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/1",
        "/api/users/ME",
        "/api/users/me%00",
        "/api/products/sku%23PEAR",
        "/api/products/me",
        "/api/users/me/orders/summary",
        "/api/users/me/orders/1",
    ],
)
def test_a_path_that_names_no_id_is_404(shop: Shop, path: str) -> None:
    assert error_of(shop.admin.http.get(path)) == (404, "NOT_FOUND")


def test_the_gateways_throttle_is_429_and_says_when_to_come_back(shop: Shop) -> None:
    gateway = shop.stack.client("apigateway")
    (api,) = [a for a in gateway.get_rest_apis()["items"] if a["name"] == "shop-local"]
    stage = {"restApiId": api["id"], "stageName": "local"}

    def throttle_health(burst: int) -> None:
        path = "/~1health/GET/throttling/burstLimit"
        operation = {"op": "replace", "path": path, "value": str(burst)}
        rate = operation | {"path": "/~1health/GET/throttling/rateLimit"}
        gateway.update_stage(**stage, patchOperations=[operation, rate])

    throttle_health(1)
    answers = [shop.anonymous.get("/health") for _ in range(4)]
    throttle_health(1000)

    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused and {error_of(answer) for answer in refused} == {(429, "TOO_MANY_REQUESTS")}
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


def test_sign_up_and_log_in_have_a_throttle_of_their_own(shop: Shop) -> None:
    gateway = shop.stack.client("apigateway")
    (api,) = [a for a in gateway.get_rest_apis()["items"] if a["name"] == "shop-local"]

    settings = gateway.get_stage(restApiId=api["id"], stageName="local")["methodSettings"]

    limits = {path: setting["throttlingBurstLimit"] for path, setting in settings.items()}
    assert limits["/api/users/POST"] == limits["/api/sessions/POST"] == 100
    assert limits["*/*"] == 1000


def preflight(shop: Shop, path: str, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return shop.anonymous.options(path, headers=headers)


LOOPBACK_ORIGINS = ["http://localhost:3000", "http://localhost:5173", "http://127.0.0.1:5173"]


@pytest.mark.parametrize(
    "path", ["/api/users", "/api/users/me/orders", "/api/products/1", "/ready"]
)
@pytest.mark.parametrize("origin", LOOPBACK_ORIGINS)
def test_local_preflight_allows_any_loopback_origin(shop: Shop, path: str, origin: str) -> None:
    answer = preflight(shop, path, origin)

    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
    )
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert method in answer.headers["Access-Control-Allow-Methods"]


def test_no_other_origin_is_allowed(shop: Shop) -> None:
    for origin in (
        *("https://evil.example", "null", "http://localhost:3000.evil.example"),
        *("http://localhost.evil.example", "http://localhost:1.evil.example"),
    ):
        assert "Access-Control-Allow-Origin" not in preflight(shop, "/api/users", origin).headers
        answer = shop.anonymous.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", LOOPBACK_ORIGINS)
def test_local_responses_are_readable_by_any_loopback_origin(shop: Shop, origin: str) -> None:
    answer = shop.anonymous.get("/health", headers={"Origin": origin})

    assert answer.headers["Access-Control-Allow-Origin"] == origin


def log_lines(shop: Shop, request_id: str) -> list[dict[str, Any]]:
    group = shop.stack.resources()["HttpLogs"]
    found = shop.stack.client("logs").filter_log_events(
        logGroupName=group, filterPattern=f'"{request_id}"'
    )
    messages = [event["message"].strip() for event in found["events"]]
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_the_request_id_finds_the_log_line_which_holds_nothing_private(shop: Shop) -> None:
    body = {"email": "planted@example.com", "password": PASSWORD}
    answer = shop.anonymous.post("/api/sessions", json=body)

    (line,) = log_lines(shop, answer.headers["X-Request-Id"])

    assert (line["route"], line["status"]) == ("POST /api/sessions", 401)
    assert "planted" not in str(line) and PASSWORD not in str(line)


def test_the_log_line_of_a_caller_names_the_caller_and_not_the_token(shop: Shop) -> None:
    answer = shop.admin.http.get("/api/users/me")

    (line,) = log_lines(shop, answer.headers["X-Request-Id"])

    assert line["caller_id"] == shop.admin.id
    assert shop.admin.grant["accessToken"].split(".")[2] not in str(line)
