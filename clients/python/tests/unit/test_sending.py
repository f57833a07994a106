"""Requests, responses and retries."""

import asyncio
import gzip
import json
import logging
import re
import traceback
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest
from scripted import (
    LOST,
    ORDER,
    PRODUCT,
    USER,
    Fake,
    Truncated,
    grant,
    logged_in,
    page,
    rejection,
    reply,
)

from shop_client import AsyncShop, NoAnswer, Shop, ShopError, models, operations

NEW_USER = {"email": "ada@example.com", "name": "Ada", "password": "a long walk"}
ITEMS = [{"product_id": "p1", "quantity": 2}]


def test_lost_response_to_a_read_is_retried(fake: Fake) -> None:
    fake.script(LOST, LOST, LOST, reply(USER))

    user = fake.run(lambda shop: shop.users.get())

    assert (user.id, user.email_verified) == ("u1", True)
    assert fake.waits == [0.2, 0.4, 0.8]


def test_last_attempt_raises(fake: Fake) -> None:
    fake.script(LOST, LOST, attempts=2)

    with pytest.raises(NoAnswer, match="No answer of the shop to GET /api/users/") as raised:
        fake.run(lambda shop: shop.users.get())

    assert (raised.value.may_be_done, raised.value.__cause__) == (True, LOST)
    assert len(fake.requests) == 2


def test_every_attempt_of_an_order_has_the_same_key(fake: Fake) -> None:
    fake.script(LOST, rejection(503, "SERVICE_UNAVAILABLE"), reply(ORDER, 201))

    fake.run(lambda shop: shop.orders.place(items=ITEMS))
    first = fake.headers("Idempotency-Key")
    fake.script(reply(ORDER, 201))
    fake.run(lambda shop: shop.orders.place(items=ITEMS))

    assert fake.body() == {"items": [{"productId": "p1", "quantity": 2}]}
    assert len(first) == 3 and len({*first}) == 1
    assert fake.headers("Idempotency-Key")[-1] not in first


def test_given_key_is_sent(fake: Fake) -> None:
    fake.script(reply(PRODUCT, 201))

    fake.run(
        lambda shop: shop.products.create(
            sku="P", name="P", price=Decimal("2.5"), currency="EUR", stock=1, idempotency_key="k"
        )
    )

    assert fake.headers("Idempotency-Key") == ["k"]


@pytest.mark.parametrize("lost", [LOST, rejection(503, "SERVICE_UNAVAILABLE")], ids=["lost", "503"])
@pytest.mark.parametrize(
    "call",
    [
        lambda shop: shop.sign_up(**NEW_USER),
        lambda shop: shop.log_in(email="a@example.com", password="x"),
        lambda shop: shop.users.change_password(current_password="x", new_password="y"),
        lambda shop: shop.reset_password("token", "y"),
        lambda shop: shop.verify_email("token"),
        lambda shop: shop.request_password_reset("a@example.com"),
        lambda shop: shop.products.update("p1", stock_delta=2),
        lambda shop: shop.products.update("p1", stockDelta=2),
        lambda shop: shop.request(
            operations.CREATE_USER, body=NEW_USER, headers={"Idempotency-Key": "k"}
        ),
    ],
    ids=[
        *("sign up", "log in", "password", "reset", "verify", "email", "stock"),
        *("stock by its wire name", "key of an operation without one"),
    ],
)
def test_single_use_request_is_not_retried(fake: Fake, call: Any, lost: Any) -> None:
    fake.script(lost)

    with pytest.raises((NoAnswer, ShopError)) as raised:
        fake.run(call)

    assert raised.value.may_be_done
    assert len(fake.requests) == 1


def test_429_after_a_lost_response_may_be_done(fake: Fake) -> None:
    limited = rejection(429, "TOO_MANY_REQUESTS")
    fake.script(LOST, limited, rejection(400, "VALIDATION_ERROR"))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.orders.place(items=ITEMS))

    assert (raised.value.code, raised.value.may_be_done) == ("VALIDATION_ERROR", True)


def test_longest_wait_limits_the_jitter(fake: Fake) -> None:
    fake.script(LOST, LOST, reply(USER), longest_wait=0.3)

    fake.run(lambda shop: shop.users.get())

    assert fake.waits == [0.2, 0.3]


def test_amount_that_json_lacks_is_rejected(fake: Fake) -> None:
    fake.script()

    with pytest.raises(ValueError):
        fake.run(lambda shop: shop.products.update("p1", price=float("nan")))


def test_content_that_was_read_before_is_no_answer(fake: Fake) -> None:
    fake.script(httpx2.StreamConsumed(), attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.users.get())


@pytest.mark.parametrize("is_given", [False, True], ids=["own", "given"])
def test_only_own_connections_are_closed(is_given: bool) -> None:
    threads, tasks = httpx2.Client(), httpx2.AsyncClient()
    shop = Shop("http://shop.test", http_client=threads if is_given else None)
    other = AsyncShop("http://shop.test", http_client=tasks if is_given else None)
    clients = [it._transport.io._http for it in (shop, other)]

    shop.close()
    asyncio.run(other.aclose())

    assert [it.is_closed for it in clients] == [not is_given] * 2
    threads.close()


def test_change_of_fields_is_retried(fake: Fake) -> None:
    fake.script(LOST, reply(PRODUCT), LOST, reply(USER))

    fake.run(lambda shop: shop.products.update("p1", price="2.50"))
    fake.run(lambda shop: shop.users.replace("u1", **NEW_USER, status="active", role="customer"))

    assert fake.calls == ["PATCH /api/products/p1"] * 2 + ["PUT /api/users/u1"] * 2


def test_429_is_retried_for_every_request(fake: Fake) -> None:
    limited = rejection(429, "TOO_MANY_REQUESTS", {"Retry-After": "3"})
    fake.script(limited, reply(USER, 201))

    fake.run(lambda shop: shop.sign_up(**NEW_USER))

    assert fake.waits == [3.2]


@pytest.mark.parametrize("seconds", ["21", "9" * 5000], ids=["21", "huge"])
def test_retry_after_beyond_the_longest_wait_raises(fake: Fake, seconds: str) -> None:
    fake.script(rejection(503, "SERVICE_UNAVAILABLE", {"Retry-After": seconds}))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.users.get())

    assert raised.value.retry_after == float(seconds)
    assert fake.waits == []


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "-2"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "٣"}, 0),
        (
            {
                "Retry-After": "Sun, 06 Nov 1994 08:49:40 GMT",
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
            },
            3,
        ),
        (
            {"Retry-After": "Sun Nov  6 08:49:40 1994", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"},
            3,
        ),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:40 GMT"}, 0),
    ],
    ids=["seconds", "zero", "negative", "word", "digit", "date", "old date", "past"],
)
def test_wait_is_never_shorter_than_retry_after(
    fake: Fake, headers: dict[str, str], wait: int
) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    proxy = httpx2.Response(502, text="<html>", headers=encoded)
    fake.script(proxy, reply(USER))

    fake.run(lambda shop: shop.users.get())

    assert fake.waits == [pytest.approx(wait + 0.2)]


def test_truncated_response_is_retried_after_its_wait(fake: Fake) -> None:
    truncated = httpx2.Response(200, headers={"Retry-After": "3"}, stream=Truncated())
    fake.script(truncated, reply(USER))

    assert fake.run(lambda shop: shop.users.get()).id == "u1"
    assert fake.waits == [3.2]


def test_error_has_its_fields(fake: Fake) -> None:
    fake.script(rejection(500, "INTERNAL_ERROR"))

    with pytest.raises(ShopError, match=r"^500 INTERNAL_ERROR: No\. \(request r1\)$") as raised:
        fake.run(lambda shop: shop.users.get())

    error = raised.value
    assert (error.status, error.code, error.request_id) == (500, "INTERNAL_ERROR", "r1")
    assert (error.message, error.may_be_done) == ("No.", True)
    assert [(it.field, it.code) for it in error.details] == [("body.name", "missing")]


def test_unknown_error_code_is_an_error_of_the_api(fake: Fake) -> None:
    fake.script(rejection(409, "A_NEW_CODE"))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.users.get())

    assert (raised.value.code, raised.value.may_be_done) == ("A_NEW_CODE", False)


def test_key_that_no_header_can_have_is_rejected(fake: Fake) -> None:
    fake.script()

    with pytest.raises(ValueError):
        fake.run(lambda shop: shop.orders.place(items=ITEMS, idempotency_key="ключ"))


def test_token_that_no_header_can_have_is_not_in_the_traceback(fake: Fake) -> None:
    # A connection rejects the header, and the fake has none.
    fake.script(httpx2.LocalProtocolError("Illegal header value b'Bearer access-secret\\n'"))

    with pytest.raises(ValueError, match="a header is invalid") as raised:
        fake.run(lambda shop: shop.users.get())

    assert "access-secret" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "call",
    [
        lambda shop: shop.products.get("x" * 70_000),
        lambda shop: shop.verify_email("x" * 70_000),
        lambda shop: shop.users.list(search="x" * 70_000),
    ],
    ids=["id", "token", "search"],
)
def test_argument_that_no_url_can_have_is_rejected(fake: Fake, call: Any) -> None:
    fake.script()

    with pytest.raises(ValueError, match="the URL is invalid"):
        fake.run(call)


def test_tokens_and_searches_are_not_logged(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.script(httpx2.Response(204), page([]))

    fake.run(lambda shop: shop.reset_password("token-secret", "a long walk"))
    fake.run(lambda shop: shop.users.list(search="ada@private.example"))

    assert not re.search("secret|private", caplog.text)


def test_requests_of_the_application_are_logged(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(204)))

    client.get("http://other.test/page")

    assert "http://other.test/page" in caplog.text


def test_cookie_of_another_user_is_not_sent(fake: Fake) -> None:
    fake.script(reply(USER, headers={"Set-Cookie": "session=ada"}), reply(USER))

    for _ in range(2):
        fake.run(lambda shop: shop.users.get())

    assert fake.headers("Cookie") == [None, None]


def test_key_of_a_request_is_generated_or_given(fake: Fake) -> None:
    created = reply(PRODUCT, 201)
    fake.script(LOST, created, LOST, created, LOST, created)
    create = operations.CREATE_PRODUCT

    fake.run(lambda shop: shop.request(create, body={}))
    fake.run(lambda shop: shop.request(create, body={}))
    fake.run(lambda shop: shop.request(create, body={}, headers={"idempotency-key": "k"}))

    keys = fake.headers("Idempotency-Key")
    assert keys[::2] == keys[1::2] and len({*keys}) == 3
    assert keys[-1] == "k"


FOREIGN = {
    "html": httpx2.Response(200, text="<html>Welcome to the hotel</html>"),
    "empty": httpx2.Response(200),
    "no content": httpx2.Response(204),
    "unasked 304": httpx2.Response(304),
    "other json": reply({"status": "ok"}),
    "array": reply([USER]),
    "null": reply(None),
    "wrong types": reply(USER | {"id": 5}),
    "redirect": httpx2.Response(301, headers={"Location": "http://elsewhere.test/"}),
    "redirect with json": reply(USER, 302, {"Location": "/login"}),
    "redirect with an error": rejection(301, "NOT_FOUND", {"Location": "/login"}),
    "error in html": httpx2.Response(502, text="<html>Bad gateway</html>"),
    "error of aws": reply({"message": "Internal Server Error"}, 500),
    "error without code": reply({"error": {"message": "x"}}, 400),
    "oauth error": reply({"error": "invalid_request", "error_description": "x"}, 400),
    "invalid utf-8": httpx2.Response(200, content=b"\xff\xfe{}"),
    "deep": httpx2.Response(200, content=b"[" * 100_000),
    "broken gzip": httpx2.Response(
        200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(b"no gzip")
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_response_of_another_server_is_no_answer(fake: Fake, name: str) -> None:
    fake.script(FOREIGN[name], attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.users.get())

    assert len(fake.requests) == 1


def test_response_beyond_the_maximum_size_is_not_read(fake: Fake) -> None:
    large = gzip.compress(json.dumps(USER | {"name": "x" * 10_000_000}).encode())
    fake.script(
        httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(large)),
        attempts=1,
    )

    with pytest.raises(NoAnswer) as raised:
        fake.run(lambda shop: shop.users.get())

    assert isinstance(raised.value.__cause__, httpx2.DecodingError)


def test_foreign_200_to_a_delete_is_no_answer(fake: Fake) -> None:
    fake.script(reply({}), attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.products.delete("p1"))


@pytest.mark.parametrize(
    "call",
    [
        lambda shop: shop.request_password_reset("a@example.com"),
        lambda shop: shop.request_email_verification(),
    ],
    ids=["reset", "verification"],
)
def test_foreign_200_to_a_request_for_an_email_is_no_answer(fake: Fake, call: Any) -> None:
    fake.script(reply({"status": "ok"}), reply({}, 202))

    with pytest.raises(NoAnswer):
        fake.run(call)
    fake.run(call)


def test_newer_api_is_accepted(fake: Fake) -> None:
    refunded = ORDER | {"status": "refunded", "refundedAt": "2027-01-01"}
    fake.script(reply(refunded))

    order = fake.run(lambda shop: shop.orders.get("o1"))

    assert order.status == "refunded"
    assert order.model_extra == {"refundedAt": "2027-01-01"}
    assert order.total == Decimal("19.90") and order.created_at.tzinfo is not None


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        (Decimal("2.5"), "2.50"),
        (Decimal(3), "3.00"),
        (Decimal("2.500"), "2.50"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("2.505"), "2.505"),
        ("2.50", "2.50"),
    ],
    ids=str,
)
def test_amount_is_sent_with_two_decimals(fake: Fake, amount: Decimal | str, sent: str) -> None:
    fake.script(reply(PRODUCT))

    fake.run(lambda shop: shop.products.update("p1", price=amount, stock_delta=-1))

    assert fake.body() == {"price": sent, "stockDelta": -1}


@pytest.mark.parametrize("id_", ["", ".", ".."])
def test_id_that_changes_the_path_is_rejected(fake: Fake, id_: str) -> None:
    fake.script()

    with pytest.raises(ValueError, match="productId must not be"):
        fake.run(lambda shop: shop.products.delete(id_))

    assert fake.requests == []


def test_ids_may_be_uuids(fake: Fake) -> None:
    fake.script(reply(ORDER, 201))
    id_ = UUID(int=1)

    fake.run(
        lambda shop: shop.orders.place(user_id=id_, items=[{"product_id": id_, "quantity": 1}])
    )

    assert fake.calls == [f"POST /api/users/{id_}/orders"]
    assert fake.body()["items"][0]["productId"] == str(id_)


def test_id_is_quoted(fake: Fake) -> None:
    fake.script(reply(PRODUCT))

    fake.run(lambda shop: shop.products.get("../users/me?x=1#y"))

    sent = fake.requests[0].url.raw_path
    assert sent == b"/stage/api/products/..%2Fusers%2Fme%3Fx%3D1%23y"


def test_list_reads_all_pages(fake: Fake) -> None:
    fake.script(page([ORDER, ORDER], "next"), LOST, page([ORDER]))

    found = fake.run(lambda shop: shop.orders.list(sort="total", limit=2, user_id="u1"))

    assert [it.id for it in found] == ["o1"] * 3
    queries = [str(it.url.query, "ascii") for it in fake.requests]
    assert queries[0] == "sort=total&limit=2"
    assert queries[1:] == ["sort=total&limit=2&cursor=next"] * 2


def test_list_of_another_server_is_no_answer(fake: Fake) -> None:
    fake.script(reply({"data": [], "meta": {}}), attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.products.list())


def test_request_returns_status_and_headers(fake: Fake) -> None:
    fake.script(reply(PRODUCT, headers={"ETag": '"1"'}), httpx2.Response(304))
    path = {"productId": "p1"}

    first = fake.run(lambda shop: shop.request(operations.GET_PRODUCT, path=path))
    second = fake.run(
        lambda shop: shop.request(
            operations.GET_PRODUCT, path=path, headers={"If-None-Match": first.headers["etag"]}
        )
    )

    assert (first.status, first.data.id, second.status) == (200, "p1", 304)
    with pytest.raises(ValueError, match="304"):
        print(second.data)


def test_error_of_the_token_endpoint_is_a_shop_error(fake: Fake) -> None:
    body = {"error": "invalid_grant", "error_description": "It was used."}
    fake.script(reply(body, 400, {"X-Request-Id": "r2"}))

    with pytest.raises(ShopError) as raised:
        fake.run(
            lambda shop: shop.request(
                operations.CREATE_TOKEN, body={"grant_type": "authorization_code", "code": "x y"}
            )
        )

    assert (raised.value.code, raised.value.request_id) == ("invalid_grant", "r2")
    assert fake.requests[0].content == b"grant_type=authorization_code&code=x+y"


def test_form_of_oauth_is_sent_without_the_token_of_a_user(fake: Fake) -> None:
    fake.script(reply({"active": False}), tokens=logged_in())

    fake.run(lambda shop: shop.request(operations.INTROSPECT_TOKEN, body={"token": "x"}))

    assert fake.headers("Authorization") == [None]


def test_tokens_are_in_no_representation(fake: Fake) -> None:
    fake.script(grant("secret"))

    answer = fake.run(
        lambda shop: shop.request(operations.CREATE_SESSION, body={"email": "a", "password": "b"})
    )

    assert answer.data.access_token == "access-secret"
    assert "-secret" not in repr(answer)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        *((models.Token, name) for name in ("access_token", "id_token", "refresh_token")),
        *((models.TokenGrant, name) for name in ("access_token", "refresh_token")),
        (models.NewClientSecret, "secret"),
        (models.Authorization, "redirect_to"),
    ],
)
def test_secret_is_in_no_representation(model: type[Any], field: str) -> None:
    assert "text-1" not in repr(model.model_construct(**{field: "text-1"}))


def test_content_of_an_invalid_response_is_not_logged(fake: Fake) -> None:
    fake.script(reply({"accessToken": "access-secret", "refreshToken": ["refresh-secret"]}))

    with pytest.raises(NoAnswer) as raised:
        fake.run(lambda shop: shop.log_in(email="a@example.com", password="x"))

    shown = "".join(traceback.format_exception(raised.value))
    assert "unexpected content" in shown and "-secret" not in shown


@pytest.mark.parametrize(
    "base_url",
    [
        *("shop.test", "ftp://shop.test", "", "https://", "https:///x", "http://["),
        *("https://ada@shop.test", "https://shop.test/?x=1", "https://shop.test?"),
        *("https://shop.test#x", "https://shop.test\x00"),
    ],
)
def test_base_url_without_a_host_or_with_other_parts_is_rejected(fake: Fake, base_url: str) -> None:
    fake.script()

    with pytest.raises(ValueError) as raised:
        type(fake.shop)(base_url)

    assert "ada" not in str(raised.value)
