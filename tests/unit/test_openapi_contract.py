"""The contract check finds every deviation from the OpenAPI document."""

from typing import Any

import httpx2
import pytest

from tests.support.openapi_contract import Broken, contract

USER = {
    "id": "0190a6b2-7c9e-7b1a-8f00-0000000000a1",
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "status": "active",
    "role": "customer",
    "emailVerified": False,
    "createdAt": "2026-11-22T18:06:00.123Z",
    "updatedAt": "2026-11-22T18:06:00.123Z",
}
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
HEADERS = {"X-Request-Id": REQUEST_ID, "Cache-Control": "no-store"}
MADE = HEADERS | {"ETag": '"1"', "Location": f"/local/api/users/{USER['id']}"}
PAYLOAD = {"email": "ada@example.com", "name": " Ada ", "password": "a long walk by the river"}


def check_response(
    status: int,
    body: Any = None,
    headers: dict[str, str] = HEADERS,
    *,
    route: str = "POST /api/users",
    sent: Any = None,
) -> None:
    method, path = route.split(" ")
    request = httpx2.Request(method, f"http://localhost/local{path}", json=sent)
    content = {} if body is None else {"json": body}
    response = httpx2.Response(status, headers=headers, request=request, **content)
    contract().check(response, "/local")


def error_body(code: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "No.", "requestId": REQUEST_ID, **more}}


def without[T](headers: dict[str, T], name: str) -> dict[str, T]:
    return {key: text for key, text in headers.items() if key != name}


def test_conforming_response_passes() -> None:
    check_response(201, USER, MADE, sent=PAYLOAD)
    check_response(409, error_body("EMAIL_IN_USE"), sent=PAYLOAD)
    check_response(404, error_body("NOT_FOUND"), {}, route="GET /api/nothing")


def test_undeclared_status_or_code_is_found() -> None:
    with pytest.raises(Broken, match="404 is not declared"):
        check_response(404, error_body("NOT_FOUND"))
    with pytest.raises(Broken, match="SKU_IN_USE"):
        check_response(409, error_body("SKU_IN_USE"))


@pytest.mark.parametrize("name", MADE)
def test_missing_header_is_found(name: str) -> None:
    with pytest.raises(Broken, match=name):
        check_response(201, USER, without(MADE, name), sent=PAYLOAD)


def test_undeclared_or_malformed_header_is_found() -> None:
    with pytest.raises(Broken, match="retry-after"):
        check_response(201, USER, MADE | {"Retry-After": "1"}, sent=PAYLOAD)
    with pytest.raises(Broken, match="ETag"):
        check_response(201, USER, MADE | {"ETag": "1"}, sent=PAYLOAD)
    with pytest.raises(Broken, match="Retry-After"):
        check_response(503, error_body("SERVICE_UNAVAILABLE"), HEADERS | {"Retry-After": "soon"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"passwordHash": "…"},
        {"name": None},
        {"status": "lost"},
        {"createdAt": "yesterday"},
        {"id": "1"},
        {"emailVerified": "no"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_malformed_body_is_found(wrong: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        check_response(201, USER | wrong, MADE, sent=PAYLOAD)


def test_missing_field_or_unknown_error_field_is_found() -> None:
    with pytest.raises(Broken):
        check_response(201, without(USER, "role"), MADE, sent=PAYLOAD)
    with pytest.raises(Broken):
        check_response(409, error_body("EMAIL_IN_USE", table="Users"))


def test_accepted_invalid_request_is_found() -> None:
    with pytest.raises(Broken, match="sent body"):
        check_response(201, USER, MADE, sent=PAYLOAD | {"name": "x" * 201})
    meta = {"page": 1, "limit": 20, "total": 0, "totalPages": 0, "nextCursor": None}
    page = {"data": [], "meta": meta}
    listed = HEADERS | {"Link": '</api/products>; rel="first"'}
    check_response(200, page, listed, route="GET /api/products?limit=100")
    for query in ("limit=101", "colour=red", "sort=stock"):
        with pytest.raises(Broken):
            check_response(200, page, listed, route=f"GET /api/products?{query}")
