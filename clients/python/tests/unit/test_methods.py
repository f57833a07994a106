"""Methods whose retries meet an earlier attempt, edits, and errors as values."""

import copy
import pickle
from typing import Any

import httpx2
import pytest
from scripted import (
    LOST,
    ORDER,
    PERSONAL_DATA,
    PRODUCT,
    USER,
    Fake,
    grant,
    logged_in,
    page,
    rejection,
    reply,
)

from shop_client import NoAnswer, ShopError

DONE = httpx2.Response(204)
NO_TRANSITION = rejection(409, "INVALID_TRANSITION")


@pytest.mark.parametrize("lost", [LOST, rejection(503, "SERVICE_UNAVAILABLE")], ids=["lost", "503"])
def test_cancelled_order_is_read_after_a_lost_response(fake: Fake, lost: Any) -> None:
    cancelled = reply(ORDER | {"status": "cancelled"})
    fake.script(lost, NO_TRANSITION, cancelled)

    order = fake.run(lambda shop: shop.orders.cancel("o1", user_id="u1"))

    assert order.status == "cancelled"
    assert fake.calls[-1] == "GET /api/users/u1/orders/o1"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"status": "cancelled"}, {"status": "completed"}),
        ({"status": "cancelled", "note": "x"}, {"status": "cancelled", "note": "y"}),
    ],
    ids=["status", "note"],
)
def test_another_change_of_an_order_raises(
    fake: Fake, change: dict[str, str], found: dict[str, str]
) -> None:
    fake.script(LOST, NO_TRANSITION, reply(ORDER | found))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.orders.update("o1", **change))

    assert (raised.value.code, raised.value.may_be_done) == ("INVALID_TRANSITION", True)


@pytest.mark.parametrize("note", [" x ", "\u2068x\u2069"], ids=["blanks", "marks"])
def test_trimmed_note_is_the_requested_one(fake: Fake, note: str) -> None:
    fake.script(LOST, NO_TRANSITION, reply(ORDER | {"note": "x"}))

    assert fake.run(lambda shop: shop.orders.update("o1", note=note)).note == "x"


def test_invalid_transition_of_the_first_attempt_raises(fake: Fake) -> None:
    fake.script(NO_TRANSITION)

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.orders.cancel("o1"))

    assert not raised.value.may_be_done


@pytest.mark.parametrize(
    "delete",
    [
        lambda shop: shop.products.delete("p1"),
        lambda shop: shop.users.delete("u1"),
        lambda shop: shop.sessions.end("s1"),
    ],
    ids=["product", "user", "session"],
)
def test_404_after_a_lost_response_is_success(fake: Fake, delete: Any) -> None:
    fake.script(LOST, rejection(404, "NOT_FOUND"))
    fake.run(delete)
    fake.script(rejection(404, "NOT_FOUND"))

    with pytest.raises(ShopError):
        fake.run(delete)


def test_end_of_all_sessions_is_success_after_a_lost_response(fake: Fake) -> None:
    refused = rejection(401, "UNAUTHORIZED")
    storage = logged_in()
    fake.script(LOST, refused, refused, tokens=storage)

    fake.run(lambda shop: shop.sessions.end_all())

    assert storage.load() is None
    assert fake.calls[-1] == "POST /api/access-tokens"


def test_rejected_end_of_all_sessions_raises(fake: Fake) -> None:
    refused = rejection(401, "UNAUTHORIZED")
    fake.script(refused, refused, tokens=logged_in())

    with pytest.raises(ShopError):
        fake.run(lambda shop: shop.sessions.end_all())


def test_404_after_a_lost_response_and_a_renewal_is_success(fake: Fake) -> None:
    refused = rejection(401, "UNAUTHORIZED")
    fake.script(LOST, refused, grant("new"), rejection(404, "NOT_FOUND"), tokens=logged_in())

    fake.run(lambda shop: shop.products.delete("p1"))

    assert fake.steps == []


def test_deletion_of_the_own_user_ends_the_session(fake: Fake) -> None:
    storage = logged_in()
    fake.script(DONE, DONE, tokens=storage)

    fake.run(lambda shop: shop.users.delete("u2"))
    assert storage.load() is not None
    fake.run(lambda shop: shop.users.delete())

    assert storage.load() is None


def test_deletion_of_the_own_user_is_unknown_after_a_lost_response(fake: Fake) -> None:
    refused = rejection(401, "UNAUTHORIZED")
    fake.script(LOST, refused, refused, tokens=logged_in())

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.users.delete())

    assert (raised.value.code, raised.value.may_be_done) == ("UNAUTHORIZED", True)


@pytest.mark.parametrize(
    "last",
    [DONE, rejection(401, "UNAUTHORIZED"), rejection(404, "NOT_FOUND")],
    ids=["204", "401", "404"],
)
def test_logout_deletes_the_tokens(fake: Fake, last: httpx2.Response) -> None:
    storage, ended = logged_in(), []
    renewal = [rejection(401, "UNAUTHORIZED")] if last.status_code == 401 else []
    fake.script(last, *renewal, tokens=storage, on_session_end=lambda: ended.append(1))

    fake.run(lambda shop: shop.log_out())

    assert (storage.load(), ended) == (None, [1])


def test_logout_without_a_response_deletes_the_tokens(fake: Fake) -> None:
    storage = logged_in()
    fake.script(LOST, tokens=storage, attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.log_out())

    assert storage.load() is None


def test_edit_writes_the_decision_with_the_version(fake: Fake) -> None:
    stale = rejection(412, "PRECONDITION_FAILED")
    fake.script(
        reply(PRODUCT, headers={"ETag": '"1"'}),
        stale,
        reply(PRODUCT | {"stock": 7}, headers={"ETag": '"2"'}),
        LOST,
        reply(PRODUCT | {"stock": 8}),
    )

    edited = fake.run(
        lambda shop: shop.products.edit("p1", lambda found: {"stock_delta": found.stock - 6})
    )

    assert edited.stock == 8
    assert fake.headers("If-Match") == [None, '"1"', None, '"2"', '"2"']
    assert fake.body() == {"stockDelta": 1}


def test_edit_is_unknown_if_an_earlier_attempt_was_lost(fake: Fake) -> None:
    fake.script(reply(ORDER, headers={"ETag": '"1"'}), LOST, rejection(412, "PRECONDITION_FAILED"))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.orders.edit("o1", lambda _: {"note": "x"}))

    assert (raised.value.code, raised.value.may_be_done) == ("PRECONDITION_FAILED", True)


def test_edit_ends_after_five_attempts(fake: Fake) -> None:
    for _ in range(5):
        fake.steps += [
            reply(USER, headers={"ETag": '"1"'}),
            rejection(412, "PRECONDITION_FAILED"),
        ]
    fake.script(*fake.steps)

    with pytest.raises(ShopError):
        fake.run(lambda shop: shop.users.edit("me", lambda _: {"name": "x"}))

    assert fake.steps == []


def test_edit_without_a_version_is_no_answer(fake: Fake) -> None:
    fake.script(reply(USER))

    with pytest.raises(NoAnswer, match="ETag"):
        fake.run(lambda shop: shop.users.edit("me", lambda _: {"name": "x"}))


def test_sessions_are_listed(fake: Fake) -> None:
    fake.script(page([]))

    assert fake.run(lambda shop: shop.sessions.list()) == []


@pytest.mark.parametrize("through", [pickle, copy], ids=["pickle", "copy"])
def test_errors_can_be_copied(fake: Fake, through: Any) -> None:
    fake.script(rejection(503, "SERVICE_UNAVAILABLE", {"Retry-After": "30"}), LOST, attempts=1)
    for kind in (ShopError, NoAnswer):
        with pytest.raises(kind) as raised:
            fake.run(lambda shop: shop.users.get())
        error = raised.value

        copied = copy.deepcopy(error) if through is copy else pickle.loads(pickle.dumps(error))

        assert type(copied) is kind and str(copied) == str(error)
        assert vars(copied) == vars(error)


def test_personal_data_is_one_document_of_all_pages(fake: Fake) -> None:
    first = PERSONAL_DATA | {"meta": {"nextCursor": "after-o1"}}
    others = dict.fromkeys(("user", "sessions", "authenticators", "grants", "appSessions", "about"))
    last = PERSONAL_DATA | others | {"orders": [ORDER | {"id": "o2"}, ORDER | {"id": "o3"}]}
    fake.script(reply(first), LOST, reply(last))

    data = fake.run(lambda shop: shop.users.personal_data())

    assert [order.id for order in data.orders] == ["o1", "o2", "o3"]
    assert data.user is not None and data.user.former_emails == []
    assert data.meta.next_cursor is None
    assert fake.calls == ["GET /api/users/me/personal-data"] * 3
    cursors = [it.url.params.get("cursor") for it in fake.requests]
    assert cursors == [None, "after-o1", "after-o1"]


def test_personal_data_of_another_server_is_no_answer(fake: Fake) -> None:
    fake.script(reply({"orders": []}), attempts=1)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.users.personal_data())
