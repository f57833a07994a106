"""Email verification and password reset: only a reader of the mailbox can complete them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Person, Shop, error_of, gather, new_email
from tests.support.fault_proxy import Call, FaultProxy, Response, Send, service_error
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import (
    KINDS,
    create_token,
    is_kept,
    reset_request_limits,
    token_in,
)
from tests.support.sent_emails import RESET, VERIFICATION, WELCOME, Mail

NEW_PASSWORD = "wrong donkey charger paperclip"


@pytest.fixture(autouse=True)
def unlimited_requests(shop: Shop) -> None:
    reset_request_limits(shop)


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def redeem(shop: Shop, kind: str, token: str, password: str = NEW_PASSWORD) -> httpx2.Response:
    body = {"password": password} if kind == "password-resets" else None
    return shop.anonymous.put(f"/api/{kind}/{token}", json=body)


def request_password_reset(shop: Shop, email: str) -> httpx2.Response:
    return shop.anonymous.post("/api/password-resets", json={"email": email})


def log_in(shop: Shop, email: str, password: str) -> int:
    body = {"email": email, "password": password}
    return shop.anonymous.post("/api/sessions", json=body).status_code


def refresh(shop: Shop, person: Person) -> int:
    body = {"refreshToken": person.grant["refreshToken"]}
    return shop.anonymous.post("/api/access-tokens", json=body).status_code


def is_verified(person: Person) -> bool:
    verified: bool = person.http.get("/api/users/me").json()["emailVerified"]
    return verified


# Links of emails


def test_address_is_verified_once_by_its_link(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()

    asked = ada.http.post("/api/email-verifications", json={})
    token = token_in(mail.to(ada.email, VERIFICATION)[0])
    done = redeem(shop, "email-verifications", token)
    again = redeem(shop, "email-verifications", token)

    assert (asked.status_code, asked.json()) == (202, {})
    assert asked.headers["Cache-Control"] == "no-store"
    assert (done.status_code, done.content) == (204, b"")
    assert is_verified(ada)
    assert error_of(again) == (404, "NOT_FOUND")


def test_welcome_email_has_a_verification_link(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()

    token = token_in(mail.to(ada.email, WELCOME)[0])

    assert redeem(shop, "email-verifications", token).status_code == 204
    assert is_verified(ada)


def test_links_have_the_recovery_page_and_the_token_in_the_fragment(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    request_password_reset(shop, ada.email)

    (message,) = mail.to(ada.email, RESET)

    assert f"{shop.url}/recovery#reset={token_in(message)}" in message.text


def test_verified_address_gets_no_further_link(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    redeem(shop, "email-verifications", create_token(shop, ada, "email-verifications"))

    assert ada.http.post("/api/email-verifications", json={}).status_code == 202
    mail.wait_until_idle()

    assert mail.to(ada.email, VERIFICATION, 0) == []


def test_reset_sets_the_password_ends_all_sessions_and_verifies(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    laptop = shop.log_in(ada.email)

    assert request_password_reset(shop, f" {ada.email.upper()} ").status_code == 202
    token = token_in(mail.to(ada.email, RESET)[0])
    done = redeem(shop, "password-resets", token)

    assert (done.status_code, done.content) == (204, b"")
    assert [refresh(shop, person) for person in (ada, laptop)] == [401, 401]
    assert log_in(shop, ada.email, PASSWORD) == 401
    assert is_verified(shop.log_in(ada.email, NEW_PASSWORD))
    assert error_of(redeem(shop, "password-resets", token)) == (404, "NOT_FOUND")


def test_reset_lifts_the_limit_of_login_attempts(shop: Shop) -> None:
    ada = shop.sign_up()
    while log_in(shop, ada.email, "wrong horse") != 429:
        pass

    redeem(shop, "password-resets", create_token(shop, ada, "password-resets"))

    assert log_in(shop, ada.email, NEW_PASSWORD) == 201


# Indistinguishable responses


def test_known_and_unknown_addresses_are_indistinguishable(
    shop: Shop, faults: FaultProxy, mail: Mail
) -> None:
    ada, gone = shop.sign_up(), shop.sign_up()
    gone.http.delete("/api/users/me")
    seen = []

    async def passed(call: Call, send: Send) -> Response:
        return await send()

    for email in (ada.email, gone.email, new_email()):
        with faults.on(passed, table=shop.resources["AttemptsTable"]) as calls:
            responses = [request_password_reset(shop, email) for _ in range(4)]
        outcomes = [(response.status_code, sorted(response.headers)) for response in responses]
        seen.append((outcomes, [call.operation for call in calls]))
        assert [response.status_code for response in responses] == [202, 202, 202, 429]
        assert [response.json() for response in responses[:3]] == [{}] * 3

    assert [outcomes for outcomes, _ in seen] == [seen[0][0]] * 3
    assert {operation for _, calls in seen for operation in calls} == {"TransactWriteItems"}
    assert len(mail.to(ada.email, RESET, 3)) == 3
    mail.wait_until_idle()
    assert mail.to(gone.email, RESET, 0) == []


def test_inactive_account_gets_no_link(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    shop.deactivate(ada)

    assert request_password_reset(shop, ada.email).status_code == 202
    mail.wait_until_idle()

    assert mail.to(ada.email, RESET, 0) == []


def test_token_is_neither_stored_nor_logged(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    request_password_reset(shop, ada.email)
    token = token_in(mail.to(ada.email, RESET)[0])

    short = redeem(shop, "password-resets", token, "short")
    tables = {name: shop.table(name) for name in shop.resources if name.endswith("Table")}
    done = redeem(shop, "password-resets", token)

    assert (short.status_code, done.status_code) == (422, 204)
    logs = shop.stack.emulator.function_log.read_text()
    assert token not in json.dumps(tables, default=str)
    assert token not in logs and NEW_PASSWORD not in logs and ada.email not in logs
    assert '"PUT /api/password-resets/{token}"' in logs.replace("\\", "")


# Invalid tokens


@pytest.mark.parametrize("kind", KINDS)
def test_invalid_token_is_404_and_changes_nothing(shop: Shop, kind: str) -> None:
    ada, spender = shop.sign_up(), shop.sign_up()
    good, spent = create_token(shop, ada, kind), create_token(shop, spender, kind)
    assert redeem(shop, kind, spent).status_code == 204
    bad = {
        "unknown": "x" * 43,
        "spent": spent,
        "truncated": good[:-1],
        "longer": good + "x",
        "in another case": good.swapcase(),
        "very long": "x" * 5000,
        "an id": ada.id,
        "another kind's": create_token(shop, ada, next(it for it in KINDS if it != kind)),
        "expired": create_token(shop, ada, kind, lives=timedelta()),
        "of another generation": create_token(shop, ada, "password-resets", generation=2),
        "spelt otherwise": good[:20] + "%20" + good[21:],
    }
    before = shop.everything()

    for why, token in bad.items():
        assert error_of(redeem(shop, kind, token)) == (404, "NOT_FOUND"), why

    assert shop.everything() == before
    assert redeem(shop, kind, good).status_code == 204


@pytest.mark.parametrize("kind", KINDS)
def test_parallel_uses_of_one_token_are_one_success_and_one_404(shop: Shop, kind: str) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, kind)

    responses = gather(2, lambda number: redeem(shop, kind, token, f"{NEW_PASSWORD} {number}"))

    statuses = [response.status_code for response in responses]
    assert sorted(statuses) == [204, 404]
    password = PASSWORD
    if kind == "password-resets":
        password = f"{NEW_PASSWORD} {statuses.index(204)}"
    me = shop.log_in(ada.email, password).http.get("/api/users/me")
    assert me.json()["emailVerified"] and me.headers["ETag"] == '"2"'


def test_parallel_resets_leave_no_session(shop: Shop) -> None:
    ada = shop.sign_up()
    tokens = [create_token(shop, ada, "password-resets") for _ in range(2)]

    responses = gather(2, lambda number: redeem(shop, "password-resets", tokens[number]))

    assert sorted(response.status_code for response in responses) == [204, 404]
    assert refresh(shop, ada) == 401


@pytest.mark.parametrize("kind", KINDS)
def test_token_is_invalid_after_an_address_change(shop: Shop, kind: str) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, kind)
    body = {"email": new_email(), "currentPassword": PASSWORD}
    assert ada.http.patch("/api/users/me", json=body).status_code == 200

    assert error_of(redeem(shop, kind, token)) == (404, "NOT_FOUND")
    assert not is_verified(ada)
    # The address now belongs to another user.
    shop.sign_up(email=ada.email)
    assert error_of(redeem(shop, kind, token)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("kind", KINDS)
def test_token_is_invalid_after_user_deletion(shop: Shop, kind: str) -> None:
    ada, inactive = shop.sign_up(), shop.sign_up()
    tokens = [create_token(shop, person, kind) for person in (ada, inactive)]
    assert ada.http.delete("/api/users/me").status_code == 204
    shop.deactivate(inactive)

    for token in tokens:
        assert error_of(redeem(shop, kind, token)) == (404, "NOT_FOUND")


def test_new_password_invalidates_earlier_resets(shop: Shop) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, "password-resets")
    body = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert ada.http.put("/api/users/me/password", json=body).status_code == 204
    before = shop.everything()

    assert error_of(redeem(shop, "password-resets", token)) == (404, "NOT_FOUND")
    assert shop.everything() == before


# Rejections


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "short"}, "body.password"),
        ({"password": "x" * 73}, "body.password"),
        ({"password": "password1"}, "body.password"),
        ({"password": None}, "body.password"),
        ({}, "body.password"),
        ({"password": NEW_PASSWORD, "email": "x@example.com"}, "body.email"),
    ],
)
def test_weak_password_is_422_and_keeps_the_token(
    shop: Shop, body: dict[str, Any], field: str
) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, "password-resets")
    before = shop.everything()

    response = shop.anonymous.put(f"/api/password-resets/{token}", json=body)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [it["field"] for it in response.json()["error"]["details"]] == [field]
    assert shop.everything() == before and is_kept(shop, token)
    assert token not in response.text


def test_own_address_as_password_is_rejected(shop: Shop) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, "password-resets")

    response = redeem(shop, "password-resets", token, ada.email.upper())

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert is_kept(shop, token)


def test_malformed_requests_are_rejected_before_they_are_counted(shop: Shop) -> None:
    before = shop.everything()
    large = b'{"password": "' + b"x" * 7_000_000 + b'"}'
    send = shop.anonymous.request

    for response, expected in [
        (request_password_reset(shop, "no address"), (422, "VALIDATION_ERROR")),
        (
            request_password_reset(shop, "a@b.example\r\nBcc: c@d.example"),
            (422, "VALIDATION_ERROR"),
        ),
        (send("POST", "/api/password-resets", json={}), (422, "VALIDATION_ERROR")),
        (send("POST", "/api/password-resets", json=["a"]), (422, "VALIDATION_ERROR")),
        (send("POST", "/api/password-resets?next=x", json={}), (422, "VALIDATION_ERROR")),
        (send("POST", "/api/password-resets", content=b"{}"), (415, "UNSUPPORTED_MEDIA_TYPE")),
        (
            send(
                *("PUT", f"/api/password-resets/{'x' * 43}"),
                content=large,
                headers={"Content-Type": "application/json"},
            ),
            (413, "PAYLOAD_TOO_LARGE"),
        ),
    ]:
        assert error_of(response) == expected
    assert shop.everything() == before


def test_name_cannot_inject_email_headers(shop: Shop) -> None:
    for name in ("Ada\r\nBcc: c@d.example", "Ada\nX: y", "Ada\u2028x", "Ada\0"):
        body = {"email": new_email(), "name": name, "password": PASSWORD}
        response = shop.anonymous.post("/api/users", json=body)
        assert error_of(response) == (422, "VALIDATION_ERROR")


def test_verification_needs_a_session_and_is_limited_to_three_requests(shop: Shop) -> None:
    ada = shop.sign_up()

    anonymous = shop.anonymous.post("/api/email-verifications", json={})
    responses = [ada.http.post("/api/email-verifications", json={}) for _ in range(4)]

    assert error_of(anonymous) == (401, "UNAUTHORIZED")
    assert [response.status_code for response in responses] == [202, 202, 202, 429]
    assert 0 < int(responses[-1].headers["Retry-After"]) <= 900


def test_network_requesting_many_addresses_is_limited(shop: Shop, mail: Mail) -> None:
    statuses = [request_password_reset(shop, new_email()).status_code for _ in range(40)]

    assert statuses == sorted(statuses)
    assert statuses[0] == 202 and statuses[-1] == 429 and statuses.count(202) <= 20
    reset_request_limits(shop)
    assert request_password_reset(shop, new_email()).status_code == 202


def test_parallel_requests_are_all_counted(shop: Shop) -> None:
    email = new_email()

    responses = gather(8, lambda _: request_password_reset(shop, email))

    statuses = [response.status_code for response in responses]
    assert statuses.count(202) <= 3 and set(statuses) <= {202, 429, 503}


def test_throttled_database_leaves_no_partial_writes(shop: Shop, faults: FaultProxy) -> None:
    ada = shop.sign_up()
    token = create_token(shop, ada, "password-resets")
    before = shop.everything()

    with faults.on(service_error("ThrottlingException")):
        asked = request_password_reset(shop, ada.email)
        redeemed = redeem(shop, "password-resets", token)

    for response in (asked, redeemed):
        assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
        assert response.headers["Retry-After"] == "1"
    assert shop.everything() == before
    assert redeem(shop, "password-resets", token).status_code == 204
