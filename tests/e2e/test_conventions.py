"""Conventions that every response follows, from a function or from the gateway itself."""

import gzip
import json
from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Shop, error_of, new_email, new_product
from tests.support.fixtures import PASSWORD
from tests.support.waiting import HANG_SECONDS

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Access-Control-Expose-Headers": (
        "ETag, Location, Link, Retry-After, X-Request-Id, Idempotent-Replayed, "
        "Content-Disposition, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"
    ),
}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_every_response_has_security_headers_and_a_request_id(shop: Shop) -> None:
    responses = [
        shop.anonymous.get("/health"),
        shop.anonymous.get("/nowhere"),
        shop.anonymous.get("/api/users/me"),
        shop.anonymous.post("/api/users", content=b"{", headers=JSON),
        shop.anonymous.get("/api/users/me", headers={"Authorization": "Bearer a.b.c"}),
    ]

    assert [response.status_code for response in responses] == [200, 404, 401, 400, 401]
    for response in responses:
        assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert response.headers["X-Request-Id"]
    assert len({response.headers["X-Request-Id"] for response in responses}) == len(responses)


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
        ("POST", "/api/products/x/y/z"),
        ("POST", "/"),
        ("PUT", "//"),
        ("PATCH", "/.well-known/jwks.json"),
    ],
)
def test_unknown_route_or_method_is_404(shop: Shop, method: str, path: str) -> None:
    origin = shop.origin

    for caller in (shop.admin.http, shop.anonymous):
        response = caller.request(method, path, headers={"Origin": origin})

        assert error_of(response) == (404, "NOT_FOUND")
        allowed = "*" if path.startswith("/.well-known/") else origin
        assert response.headers["Access-Control-Allow-Origin"] == allowed


@pytest.mark.parametrize("authorization", ["Bearer a.b.c", "Bearer", "Basic YTpi", "AWS4-HMAC x"])
def test_unknown_path_ignores_credentials(shop: Shop, authorization: str) -> None:
    response = shop.anonymous.get("/nowhere", headers={"Authorization": authorization})

    assert error_of(response) == (404, "NOT_FOUND")
    assert "WWW-Authenticate" not in response.headers


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
def test_malformed_token_is_401_with_an_authentication_scheme(
    shop: Shop, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    response = shop.anonymous.get("/api/users/me", headers=headers)

    assert error_of(response) == (401, "UNAUTHORIZED")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_authentication_scheme_is_case_insensitive(shop: Shop, scheme: str) -> None:
    token = shop.admin.grant["accessToken"]

    response = shop.anonymous.get("/api/users/me", headers={"Authorization": f"{scheme} {token}"})

    assert response.status_code == 200


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
        (b'{"\\ud800": 1}', JSON, (400, "BAD_REQUEST")),
        (b"[" * 33 + b"]" * 33, JSON, (400, "BAD_REQUEST")),
        (b"[" + b"[]," * 300_000 + b"[]]", JSON, (400, "BAD_REQUEST")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            b"email=a",
            FORM,
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (b"{}", {}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'"' + b"x" * 1024 * 1024 + b'"', JSON, (413, "PAYLOAD_TOO_LARGE")),
        (b'"' + b"x" * 7 * 1024 * 1024 + b'"', JSON, (413, "PAYLOAD_TOO_LARGE")),
        (b"{}", JSON, (422, "VALIDATION_ERROR")),
        (b"[]", JSON, (422, "VALIDATION_ERROR")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_unreadable_body_is_rejected_and_changes_nothing(
    shop: Shop, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    before = shop.everything()

    response = shop.anonymous.post("/api/users", content=body, headers=headers)

    assert error_of(response) == expected
    assert shop.everything() == before


def test_body_over_10_mb_is_rejected_in_plain_text_and_changes_nothing(shop: Shop) -> None:
    before = shop.everything()

    # Without the client of the other tests, which requires the format of the API.
    with httpx2.Client(base_url=shop.url, timeout=HANG_SECONDS, trust_env=False) as client:
        response = client.post("/api/users", content=b"x" * 11 * 1024 * 1024, headers=JSON)

    assert (response.status_code, response.headers["Content-Type"]) == (413, "text/plain")
    assert shop.everything() == before


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_text_of_any_script_is_preserved(shop: Shop, content_type: str) -> None:
    name = "Zoë 王小明 👩‍🚀"
    headers = {"Content-Type": content_type}
    body = new_product() | {"name": name}

    response = shop.admin.http.post(
        "/api/products",
        content=json.dumps(body | {"stock": None}, ensure_ascii=False).encode(),
        headers=headers,
    )

    assert response.status_code == 201, response.text
    assert response.json()["name"] == name


@pytest.mark.parametrize(
    "path", ["/api/users/me", "/api/users/me/orders", "/api/products", "/.well-known/jwks.json"]
)
def test_unknown_query_parameter_is_rejected(shop: Shop, path: str) -> None:
    response = shop.admin.http.get(path, params={"limitt": "5"})

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert response.json()["error"]["details"][0]["field"] == "query.limitt"


PAGES_AND_PROBES = {
    **dict.fromkeys(("/health", "/ready", "/docs", "/docs/page.js", "/recovery"), 200),
    **{"/openapi.json": 200, "/": 307},
}


@pytest.mark.parametrize("path", PAGES_AND_PROBES)
def test_pages_and_probes_ignore_query_parameters(shop: Shop, path: str) -> None:
    plain = shop.anonymous.get(path)

    response = shop.anonymous.get(f"{path}?utm_source=mail&_=1&_=2")

    assert (response.status_code, response.content) == (PAGES_AND_PROBES[path], plain.content)


@pytest.mark.parametrize("path", [*PAGES_AND_PROBES, "/.well-known/jwks.json"])
def test_head_of_public_pages_probes_and_keys_is_get_without_a_body(shop: Shop, path: str) -> None:
    got = shop.anonymous.get(path)

    response = shop.anonymous.head(path)

    assert (response.status_code, response.content) == (PAGES_AND_PROBES.get(path, 200), b"")
    of_each_request = {
        *("x-request-id", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id", "date")
    }
    assert {n: text for n, text in response.headers.items() if n not in of_each_request} == {
        n: text for n, text in got.headers.items() if n not in of_each_request
    }


def test_head_of_an_unchanged_page_is_304(shop: Shop) -> None:
    entity_tag = shop.anonymous.head("/openapi.json").headers["ETag"]

    response = shop.anonymous.head("/openapi.json", headers={"If-None-Match": f"{entity_tag},"})

    assert (response.status_code, response.content) == (304, b"")


@pytest.mark.parametrize("path", ["/api/products", "/api/users/me"])
def test_head_of_any_other_route_is_404(shop: Shop, path: str) -> None:
    assert shop.admin.http.head(path).status_code == 404


def test_empty_elements_and_repeated_lines_of_a_list_header_are_one_list(shop: Shop) -> None:
    path = f"/api/products/{shop.product()['id']}"
    entity_tag = shop.anonymous.get(path).headers["ETag"]
    lists = [[f"{entity_tag},"], [',"0",, ' + entity_tag], [entity_tag, '"0"'], ['"0"', entity_tag]]

    for lines in lists:
        response = shop.anonymous.get(path, headers=[("If-None-Match", line) for line in lines])
        assert response.status_code == 304, lines
    other = shop.anonymous.get(path, headers={"If-None-Match": '"0",'})
    assert other.status_code == 200
    stale = shop.admin.http.patch(path, json={"name": "Plum"}, headers={"If-Match": '"0",'})
    assert error_of(stale) == (412, "PRECONDITION_FAILED")
    changed = shop.admin.http.patch(
        path, json={"name": "Plum"}, headers=[("If-Match", '"0",'), ("If-Match", entity_tag)]
    )
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json;", 201),
        ("application/json;charset=utf8", 201),
        ("application/json;odata=verbose", 201),
        ('application/json; charset="UTF-8"; version=1', 201),
        ("application/json;charset=utf-16", 415),
        ("application/json;version=1;charset=latin1", 415),
    ],
)
def test_media_type_parameters_are_ignored_except_a_foreign_charset(
    shop: Shop, content_type: str, status: int
) -> None:
    body = json.dumps(new_product()).encode()

    response = shop.admin.http.post(
        "/api/products", content=body, headers={"Content-Type": content_type}
    )

    assert response.status_code == status, response.text


def test_compressed_body_is_an_unsupported_media_type(shop: Shop) -> None:
    body = {"email": "gzip@example.com", "name": "Ada", "password": PASSWORD}
    before = shop.everything()

    response = shop.anonymous.post(
        "/api/users",
        content=gzip.compress(json.dumps(body).encode()),
        headers=JSON | {"Content-Encoding": "gzip"},
    )

    assert error_of(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert shop.everything() == before


def test_links_have_one_slash_for_any_requested_path(shop: Shop) -> None:
    url = httpx2.URL(shop.url)
    prefix = url.path.rstrip("/")
    body = {"email": new_email(), "name": "Ada", "password": PASSWORD}

    def doubled(path: str) -> httpx2.URL:
        return url.copy_with(raw_path=f"{prefix or '/'}//{path}".encode())

    created = shop.anonymous.post(doubled("api//users"), json=body)
    listed = shop.anonymous.get(doubled("/api/products?limit=1"))
    root = shop.anonymous.get(url.copy_with(raw_path=f"{prefix or '/'}//".encode()))

    assert created.status_code == 201, created.text
    assert created.headers["Location"] == f"/api/users/{created.json()['id']}"
    assert listed.headers["Link"].startswith('</api/products?limit=1>; rel="first"')
    assert "//" not in listed.headers["Link"]
    assert root.headers["Location"] == f"{prefix}/docs"


def test_ids_are_accepted_in_upper_case_and_returned_in_lower_case(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product(stock=5)
    path = f"/api/users/{person.id.upper()}"
    body = {"items": [{"productId": product["id"].upper(), "quantity": 2}]}

    user = person.http.get(path)
    placed = person.http.post(f"{path}/orders", json=body, headers={"Idempotency-Key": "k"})
    again = person.http.post(
        f"/api/users/{person.id}/orders",
        json={"items": [{"productId": product["id"], "quantity": 2}]},
        headers={"Idempotency-Key": "k"},
    )
    order = placed.json()
    read = person.http.get(f"{path}/orders/{order['id'].upper()}")
    listed = person.http.get(f"{path}/orders", params={"limit": "1"})
    session = person.grant["session"]["id"].upper()
    ended = person.http.delete(f"/api/sessions/{session}")

    assert (user.status_code, user.json()["id"]) == (200, person.id)
    assert placed.status_code == 201, placed.text
    assert (order["userId"], order["items"][0]["productId"]) == (person.id, product["id"])
    assert placed.headers["Location"].endswith(f"/api/users/{person.id}/orders/{order['id']}")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (placed.content, "true")
    assert read.json() == order
    assert f"/api/users/{person.id}/orders?limit=1>" in listed.headers["Link"]
    assert ended.status_code == 204
    assert shop.stock(product) == 3


def test_different_idempotency_keys_in_one_request_are_rejected(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product()
    body = {"items": [{"productId": product["id"], "quantity": 1}]}
    before = shop.everything()

    def placed(*keys: str) -> httpx2.Response:
        # Not the shop's client: it would check both header lines together against the document.
        token = person.grant["accessToken"]
        headers = [("Idempotency-Key", key) for key in keys] + [
            ("Authorization", f"Bearer {token}")
        ]
        return httpx2.post(
            f"{shop.url}/api/users/me/orders", json=body, headers=headers, timeout=30
        )

    assert error_of(placed("a", "b")) == (400, "BAD_REQUEST")
    assert shop.everything() == before
    first = placed("a", "a")
    assert first.status_code == 201
    assert placed("a").content == first.content


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
def test_malformed_id_in_a_path_is_404(shop: Shop, path: str) -> None:
    assert error_of(shop.admin.http.get(path)) == (404, "NOT_FOUND")


def test_gateway_throttling_is_429_with_retry_after(shop: Shop) -> None:
    gateway = shop.stack.client("apigateway")
    (api,) = [a for a in gateway.get_rest_apis()["items"] if a["name"] == "shop-local"]
    stage = {"restApiId": api["id"], "stageName": "local"}

    def throttle_health(burst: int) -> None:
        path = "/~1health/GET/throttling/burstLimit"
        operation = {"op": "replace", "path": path, "value": str(burst)}
        rate = operation | {"path": "/~1health/GET/throttling/rateLimit"}
        gateway.update_stage(**stage, patchOperations=[operation, rate])

    throttle_health(1)
    responses = [shop.anonymous.get("/health") for _ in range(4)]
    throttle_health(1000)

    rejected = [response for response in responses if response.status_code != 200]
    assert rejected and {error_of(response) for response in rejected} == {
        (429, "TOO_MANY_REQUESTS")
    }
    assert {response.headers["Retry-After"] for response in rejected} == {"1"}


def test_sign_up_and_login_have_their_own_throttle(shop: Shop) -> None:
    gateway = shop.stack.client("apigateway")
    (api,) = [a for a in gateway.get_rest_apis()["items"] if a["name"] == "shop-local"]

    settings = gateway.get_stage(restApiId=api["id"], stageName="local")["methodSettings"]

    limits = {path: setting["throttlingBurstLimit"] for path, setting in settings.items()}
    assert limits["/api/users/POST"] == limits["/api/sessions/POST"] == 100
    assert limits["*/*"] == 1000


def preflight(shop: Shop, path: str, origin: str) -> httpx2.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return shop.anonymous.options(path, headers=headers)


LOOPBACK_ORIGINS = ["http://localhost:3000", "http://localhost:5173", "http://127.0.0.1:5173"]


@pytest.mark.local_only  # only Stage=local allows loopback origins
@pytest.mark.parametrize(
    "path", ["/api/users", "/api/users/me/orders", "/api/products/1", "/ready"]
)
@pytest.mark.local_only  # only Stage=local allows loopback origins
@pytest.mark.parametrize("origin", LOOPBACK_ORIGINS)
def test_local_preflight_allows_any_loopback_origin(shop: Shop, path: str, origin: str) -> None:
    response = preflight(shop, path, origin)

    assert response.status_code == 204 and response.content == b""
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Vary"] == "Origin"
    assert response.headers["X-Request-Id"]
    assert response.headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
        "Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent"
    )
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert method in response.headers["Access-Control-Allow-Methods"]


def test_preflight_rejects_other_origins(shop: Shop) -> None:
    for origin in (
        *("https://evil.example", "null", "http://localhost:3000.evil.example"),
        *("http://localhost.evil.example", "http://localhost:1.evil.example"),
    ):
        assert "Access-Control-Allow-Origin" not in preflight(shop, "/api/users", origin).headers
        response = shop.anonymous.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"


@pytest.mark.local_only  # only Stage=local allows loopback origins
@pytest.mark.parametrize("origin", LOOPBACK_ORIGINS)
def test_local_responses_are_readable_by_any_loopback_origin(shop: Shop, origin: str) -> None:
    response = shop.anonymous.get("/health", headers={"Origin": origin})

    assert response.headers["Access-Control-Allow-Origin"] == origin


def log_lines(shop: Shop, request_id: str) -> list[dict[str, Any]]:
    group = shop.stack.resources()["HttpLogs"]
    found = shop.stack.client("logs").filter_log_events(
        logGroupName=group, filterPattern=f'"{request_id}"'
    )
    messages = [event["message"].strip() for event in found["events"]]
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_request_id_finds_the_log_line_without_personal_data(shop: Shop) -> None:
    body = {"email": "planted@example.com", "password": PASSWORD}
    response = shop.anonymous.post("/api/sessions", json=body)

    (line,) = log_lines(shop, response.headers["X-Request-Id"])

    assert (line["route"], line["status"]) == ("POST /api/sessions", 401)
    assert "planted" not in str(line) and PASSWORD not in str(line)


def test_log_line_names_the_caller_and_not_the_token(shop: Shop) -> None:
    response = shop.admin.http.get("/api/users/me")

    (line,) = log_lines(shop, response.headers["X-Request-Id"])

    assert line["caller_id"] == shop.admin.id
    assert shop.admin.grant["accessToken"].split(".")[2] not in str(line)
