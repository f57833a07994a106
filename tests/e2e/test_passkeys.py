"""Passkeys over HTTP: registration, login, and everything that must change nothing."""

from collections import Counter
from datetime import timedelta
from typing import Any  # JSON

import httpx2
import pytest

from shop.clock import now, to_text
from shop.identifiers import is_id
from shop.identity.passkeys.models import MAX_PASSKEYS
from tests.support.dependency_failures import THROTTLED, assert_retryable_503
from tests.support.deployed_shop import Person, Shop, error_of, gather
from tests.support.fault_proxy import QUEUES, SECRETS, WRITES, FaultProxy, response_lost
from tests.support.fixtures import PASSWORD
from tests.support.passkeys import add_passkey, new_challenge
from tests.support.recovery_tokens import create_token
from tests.support.second_factors import turn_on
from tests.support.sent_emails import Mail
from tests.support.software_authenticator import (
    EDDSA,
    ES256,
    RS256,
    SoftwareAuthenticator,
    to_bytes,
)
from tests.support.software_authenticator import (
    to_text as encoded,
)

type Json = dict[str, Any]

REJECTED = (401, "INVALID_CREDENTIALS")
ADDED = "A passkey was added"
REMOVED = "A passkey was removed"


@pytest.fixture
def ada(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.fixture
def device(shop: Shop, ada: Person) -> SoftwareAuthenticator:
    """A passkey of Ada's."""
    return add_passkey(shop, ada)


def register(
    shop: Shop, person: Person, device: SoftwareAuthenticator, **fields: Any
) -> httpx2.Response:
    body = device.register(new_challenge(shop)) | fields
    return person.http.post("/api/passkeys", json=body)


def log_in(
    shop: Shop, person: Person, device: SoftwareAuthenticator, **fields: Any
) -> httpx2.Response:
    body = device.log_in(new_challenge(shop), person.id) | fields
    return shop.anonymous.post("/api/passkey-sessions", json=body)


def details_of(response: httpx2.Response) -> list[tuple[str, str]]:
    assert error_of(response) == (422, "VALIDATION_ERROR")
    return [(it["field"], it["code"]) for it in response.json()["error"]["details"]]


def passkeys_of(person: Person) -> list[Json]:
    listed: list[Json] = person.http.get("/api/authenticators").json()["data"]
    return listed


def begin_earlier(shop: Shop, person: Person, minutes: float) -> None:
    """Let the session of a person have begun earlier."""
    key = {"user_id": person.id, "id": person.grant["session"]["id"]}
    shop.change("SessionsTable", key, created_at=to_text(now() - timedelta(minutes=minutes)))


def change_state(shop: Shop, person: Person, **values: str) -> None:
    shop.change("SessionsTable", {"user_id": person.id, "id": "gate"}, **values)


# Challenges


def test_challenges_differ_and_are_not_stored(shop: Shop) -> None:
    before = shop.everything()

    responses = [shop.anonymous.post("/api/passkey-challenges", json={}) for _ in range(2)]

    for response in responses:
        assert response.status_code == 201
        assert response.json().keys() == {"challenge", "expiresAt", "domain"}
        assert response.json()["domain"] == "localhost"
        assert response.headers["Cache-Control"] == "no-store"
        assert len(to_bytes(response.json()["challenge"])) == 56
    assert len({response.json()["challenge"] for response in responses}) == 2
    assert shop.everything() == before


# Registration


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_passkey_of_each_algorithm_registers_and_logs_in(
    shop: Shop, ada: Person, algorithm: int
) -> None:
    device = SoftwareAuthenticator(algorithm)

    response = register(shop, ada, device)

    added = response.json()
    assert response.status_code == 201
    assert is_id(added["id"])
    assert (added["kind"], added["name"], added["lastUsedAt"]) == ("passkey", "Ada's phone", None)
    assert passkeys_of(ada) == [added]
    assert log_in(shop, ada, device).status_code == 201
    assert passkeys_of(ada)[0]["lastUsedAt"] > added["createdAt"]


def test_owner_gets_an_email_for_each_passkey_that_comes_or_goes(shop: Shop, ada: Person) -> None:
    mail = Mail(shop)

    added = register(shop, ada, SoftwareAuthenticator()).json()

    (message,) = mail.to(ada.email, ADDED)
    assert "Ada" not in message.text  # a name in an email to an unverified address
    assert ada.http.delete(f"/api/authenticators/{added['id']}").status_code == 204
    assert len(mail.to(ada.email, REMOVED)) == 1


def test_registration_needs_a_session(shop: Shop) -> None:
    body = SoftwareAuthenticator().register(new_challenge(shop))
    before = shop.everything()

    response = shop.anonymous.post("/api/passkeys", json=body)

    assert error_of(response) == (401, "UNAUTHORIZED")
    assert shop.everything() == before


def test_registration_and_deletion_need_a_recent_login(shop: Shop, ada: Person) -> None:
    begin_earlier(shop, ada, 9.5)
    added = register(shop, ada, SoftwareAuthenticator()).json()
    begin_earlier(shop, ada, 10.1)
    before = shop.everything()

    responses = [
        register(shop, ada, SoftwareAuthenticator()),
        ada.http.post("/api/passkeys", json=SoftwareAuthenticator().register("no challenge")),
        ada.http.delete(f"/api/authenticators/{added['id']}"),
    ]

    assert [error_of(it) for it in responses] == [(403, "LOGIN_TOO_OLD")] * 3
    assert shop.everything() == before
    again = shop.log_in(ada.email)
    assert again.http.delete(f"/api/authenticators/{added['id']}").status_code == 204


def test_renewed_tokens_of_an_old_login_are_too_old(shop: Shop, ada: Person) -> None:
    begin_earlier(shop, ada, 10.1)
    body = {"refreshToken": ada.grant["refreshToken"]}
    token = shop.anonymous.post("/api/access-tokens", json=body).json()["accessToken"]

    body = SoftwareAuthenticator().register(new_challenge(shop))
    response = shop.client(token).post("/api/passkeys", json=body)

    assert error_of(response) == (403, "LOGIN_TOO_OLD")


def test_ended_session_registers_nothing(shop: Shop, ada: Person) -> None:
    ada.http.get("/api/users/me").raise_for_status()  # so that the gateway has cached the verdict
    shop.log_in(ada.email).http.delete("/api/sessions").raise_for_status()
    before = shop.everything()

    response = register(shop, ada, SoftwareAuthenticator())

    assert error_of(response) == (401, "UNAUTHORIZED")
    assert shop.everything() == before


def test_third_party_application_is_rejected(shop: Shop, ada: Person) -> None:
    client = shop.oauth_client()
    form = {
        "grant_type": "authorization_code",
        "code": ada.authorize(client)["code"],
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    credentials = (client["id"], client["secret"])
    tokens = shop.anonymous.post("/oauth/token", data=form, auth=credentials).json()
    app = shop.client(tokens["access_token"])
    before = shop.everything()

    body = SoftwareAuthenticator().register(new_challenge(shop))
    response = app.post("/api/passkeys", json=body)

    assert error_of(response) == (403, "INSUFFICIENT_SCOPE")
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"origin": "https://evil.example"}, ("body.clientData", "wrong_origin")),
        ({"origin": "http://127.0.0.1:8080"}, ("body.clientData", "wrong_origin")),
        ({"domain": "evil.example"}, ("body.authenticatorData", "wrong_domain")),
        ({"client_data": {"type": "webauthn.get"}}, ("body.clientData", "wrong_type")),
        ({"client_data": {"crossOrigin": True}}, ("body.clientData", "cross_origin")),
        ({"flags": 0x04}, ("body.authenticatorData", "user_absent")),
        ({"flags": 0x01}, ("body.authenticatorData", "user_unverified")),
        ({"flags": 0x15}, ("body.authenticatorData", "malformed")),
        ({"rest": b"more"}, ("body.authenticatorData", "malformed")),
    ],
)
def test_wrong_registration_is_rejected(
    shop: Shop, ada: Person, wrong: Json, detail: tuple[str, str]
) -> None:
    before = shop.everything()

    response = register(shop, ada, SoftwareAuthenticator().changed(**wrong))

    assert details_of(response) == [detail]
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"challenge": "x"}, ("body.challenge", "invalid_challenge")),
        ({"challenge": "x" * 100_000}, ("body.challenge", "invalid_challenge")),
        ({"challenge": 1}, ("body.challenge", "string_type")),
        ({"id": encoded(b"other")}, ("body.id", "wrong_id")),
        ({"id": ""}, ("body.id", "string_too_short")),
        ({"id": "A" * 1365}, ("body.id", "string_too_long")),
        ({"id": "A"}, ("body.id", "base64url")),
        ({"id": "AB"}, ("body.id", "base64url")),
        ({"id": "QQ=="}, ("body.id", "string_pattern_mismatch")),
        ({"clientData": "A" * 4097}, ("body.clientData", "string_too_long")),
        ({"clientData": encoded(b"[]")}, ("body.clientData", "malformed")),
        ({"publicKey": encoded(b"key")}, ("body.publicKey", "weak_or_malformed")),
        ({"alg": -257}, ("body.alg", "wrong_alg")),
        ({"alg": -65535}, ("body.alg", "literal_error")),
        ({"alg": "-7"}, ("body.alg", "literal_error")),
        ({"name": ""}, ("body.name", "string_too_short")),
        ({"name": "x" * 101}, ("body.name", "string_too_long")),
        ({"name": "a\nb"}, ("body.name", "value_error")),
        ({"attestation": "none"}, ("body.attestation", "extra_forbidden")),
    ],
    ids=lambda it: str(it)[:40],
)
def test_malformed_registration_is_rejected(
    shop: Shop, ada: Person, fields: Json, detail: tuple[str, str]
) -> None:
    before = shop.everything()

    response = register(shop, ada, SoftwareAuthenticator(), **fields)

    assert details_of(response) == [detail]
    assert shop.everything() == before


def test_repetition_of_a_registration_finds_the_passkey(shop: Shop, ada: Person) -> None:
    device = SoftwareAuthenticator()
    body = device.register(new_challenge(shop))
    assert ada.http.post("/api/passkeys", json=body).status_code == 201
    before = shop.everything()

    responses = [ada.http.post("/api/passkeys", json=body), register(shop, ada, device)]

    assert [error_of(it) for it in responses] == [(409, "PASSKEY_EXISTS")] * 2
    assert shop.everything() == before


def test_spent_challenge_registers_no_other_passkey(shop: Shop, ada: Person) -> None:
    challenge = new_challenge(shop)
    body = SoftwareAuthenticator().register(challenge)
    assert ada.http.post("/api/passkeys", json=body).status_code == 201
    other = shop.sign_up()

    for person in (ada, other):
        body = SoftwareAuthenticator().register(challenge)
        response = person.http.post("/api/passkeys", json=body)

        assert details_of(response) == [("body.challenge", "invalid_challenge")]
    assert len(passkeys_of(ada)) == 1 and passkeys_of(other) == []


def test_concurrent_registrations_with_one_challenge_add_one_passkey(
    shop: Shop, ada: Person
) -> None:
    challenge = new_challenge(shop)
    bodies = [SoftwareAuthenticator().register(challenge) for _ in range(4)]

    responses = gather(4, lambda n: ada.http.post("/api/passkeys", json=bodies[n]))

    assert Counter(it.status_code for it in responses) == {201: 1, 422: 3}
    assert len(passkeys_of(ada)) == 1


def test_concurrent_repetitions_of_a_registration_add_one_passkey(shop: Shop, ada: Person) -> None:
    body = SoftwareAuthenticator().register(new_challenge(shop))

    responses = gather(4, lambda _: ada.http.post("/api/passkeys", json=body))

    assert Counter(it.status_code for it in responses) == {201: 1, 409: 3}
    assert len(passkeys_of(ada)) == 1


def test_twenty_first_passkey_is_rejected(shop: Shop, ada: Person) -> None:
    devices = [SoftwareAuthenticator() for _ in range(MAX_PASSKEYS + 1)]
    for device in devices[:-1]:
        assert register(shop, ada, device).status_code == 201
    before = shop.everything()

    response = register(shop, ada, devices[-1])

    assert error_of(response) == (409, "LIMIT_REACHED")
    assert shop.everything() == before
    assert len(passkeys_of(ada)) == MAX_PASSKEYS


def test_registration_after_a_lost_response_exists_once_with_one_email(
    shop: Shop, faults: FaultProxy, ada: Person
) -> None:
    mail = Mail(shop)
    body = SoftwareAuthenticator().register(new_challenge(shop))

    with faults.on(response_lost, *WRITES, table=shop.resources["AuthenticatorsTable"], times=1):
        first = ada.http.post("/api/passkeys", json=body)
    second = ada.http.post("/api/passkeys", json=body)

    # The SDK repeats the same transaction, which does not take effect twice.
    assert first.status_code == 201
    assert error_of(second) == (409, "PASSKEY_EXISTS")
    assert len(mail.to(ada.email, ADDED)) == 1
    mail.wait_until_idle()
    assert len(mail.to(ada.email, ADDED)) == 1


def test_passkey_is_not_added_without_its_email(
    shop: Shop, faults: FaultProxy, ada: Person
) -> None:
    mail = Mail(shop)
    body = SoftwareAuthenticator().register(new_challenge(shop))
    before = shop.everything()

    with faults.on(THROTTLED, "SendMessage", service=QUEUES):
        assert_retryable_503(ada.http.post("/api/passkeys", json=body))
    assert shop.everything() == before
    response = ada.http.post("/api/passkeys", json=body)

    assert response.status_code == 201
    assert len(mail.to(ada.email, ADDED)) == 1


@pytest.mark.parametrize("operations", [(), WRITES], ids=["all", "writes"])
def test_throttled_registration_changes_nothing(
    shop: Shop, faults: FaultProxy, ada: Person, operations: tuple[str, ...]
) -> None:
    body = SoftwareAuthenticator().register(new_challenge(shop))
    before = shop.everything()

    with faults.on(THROTTLED, *operations):
        assert_retryable_503(ada.http.post("/api/passkeys", json=body))

    assert shop.everything() == before
    assert ada.http.post("/api/passkeys", json=body).status_code == 201


def test_challenge_without_its_secret_is_a_503(shop: Shop, faults: FaultProxy) -> None:
    shop.restart("CreatePasskeyChallenge")

    with faults.on(THROTTLED, "GetSecretValue", service=SECRETS):
        assert_retryable_503(shop.anonymous.post("/api/passkey-challenges", json={}))

    assert new_challenge(shop)


# Login


def test_login_returns_what_a_login_with_a_password_returns(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    response = log_in(shop, ada, device)

    grant = response.json()
    assert response.status_code == 201
    assert list(grant) == list(ada.grant)
    assert (grant["tokenType"], grant["expiresIn"]) == ("Bearer", 900)
    assert list(grant["session"]) == list(ada.grant["session"])
    assert response.headers["Cache-Control"] == "no-store"
    me = shop.client(grant["accessToken"]).get("/api/users/me")
    assert me.json()["id"] == ada.id
    renewed = shop.anonymous.post(
        "/api/access-tokens", json={"refreshToken": grant["refreshToken"]}
    )
    assert renewed.status_code == 201


def test_login_with_a_passkey_may_add_another_one(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    begin_earlier(shop, ada, 60)
    token = log_in(shop, ada, device).json()["accessToken"]

    body = SoftwareAuthenticator().register(new_challenge(shop))
    response = shop.client(token).post("/api/passkeys", json=body)

    assert response.status_code == 201


def test_login_needs_no_code_of_the_second_factor(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    turn_on(ada)
    body = {"email": ada.email, "password": PASSWORD}
    assert error_of(shop.anonymous.post("/api/sessions", json=body)) == (401, "CODE_REQUIRED")

    assert log_in(shop, ada, device).status_code == 201
    assert {it["kind"] for it in passkeys_of(ada)} == {"passkey", "totp"}


def test_everything_wrong_is_rejected_alike(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    stranger = shop.sign_up()
    other = SoftwareAuthenticator()
    spent = new_challenge(shop)
    body = device.log_in(spent, ada.id)
    assert shop.anonymous.post("/api/passkey-sessions", json=body).status_code == 201
    before = shop.everything_but_attempts()

    responses = [
        shop.anonymous.post("/api/passkey-sessions", json=body),
        log_in(shop, stranger, device),
        log_in(shop, ada, other),
        log_in(shop, ada, device, userHandle=encoded(b"0190a6b2-7c9e-7b1a-8f00-0000000000ff")),
        log_in(shop, ada, device, userHandle=""),
        log_in(shop, ada, device, userHandle=ada.id),
        log_in(shop, ada, device, signature=encoded(b"s" * 70)),
        log_in(shop, ada, device, signature="A" * 100_000),
        log_in(shop, ada, device, challenge=new_challenge(shop)),
        log_in(shop, ada, device, challenge="no challenge"),
        log_in(shop, ada, device, clientData=encoded(b"{" * 1000)),
        log_in(shop, ada, device, authenticatorData=""),
        log_in(shop, ada, device.changed(origin="https://evil.example")),
        log_in(shop, ada, device.changed(domain="evil.example")),
        log_in(shop, ada, device.changed(flags=0x01)),
        log_in(shop, ada, device.changed(client_data={"crossOrigin": True})),
        log_in(shop, ada, device.changed(key=other.key)),
    ]

    errors = set()
    for response in responses:
        assert error_of(response) == REJECTED
        errors.add(response.json()["error"]["message"])
        assert response.headers["Cache-Control"] == "no-store"
    assert len(errors) == 1
    assert shop.everything_but_attempts() == before


@pytest.mark.parametrize(
    "body", [{}, [], {"challenge": None}, {"challenge": "x", "unknown": 1}, "text"], ids=str
)
def test_malformed_login_is_rejected(shop: Shop, body: object) -> None:
    before = shop.everything()

    response = shop.anonymous.post("/api/passkey-sessions", json=body)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert shop.everything() == before


def test_huge_login_is_rejected(shop: Shop, ada: Person, device: SoftwareAuthenticator) -> None:
    response = log_in(shop, ada, device, signature="A" * 2 * 1024 * 1024)

    assert error_of(response) == (413, "PAYLOAD_TOO_LARGE")


def test_two_logins_at_once_with_one_challenge_begin_one_session(shop: Shop, ada: Person) -> None:
    devices = [add_passkey(shop, ada) for _ in range(2)]
    challenge = new_challenge(shop)
    bodies = [device.log_in(challenge, ada.id) for device in devices] * 2

    responses = gather(4, lambda n: shop.anonymous.post("/api/passkey-sessions", json=bodies[n]))

    assert Counter(it.status_code for it in responses) == {201: 1, 401: 3}
    assert len(ada.http.get("/api/sessions").json()["data"]) == 2


def test_logins_at_once_with_a_challenge_each_all_begin(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    bodies = [device.log_in(new_challenge(shop), ada.id) for _ in range(4)]

    responses = gather(4, lambda n: shop.anonymous.post("/api/passkey-sessions", json=bodies[n]))

    assert [it.status_code for it in responses] == [201] * 4


def test_copied_passkey_logs_in_once_per_counter(shop: Shop, ada: Person) -> None:
    device = add_passkey(shop, ada, SoftwareAuthenticator(counter=1))
    copies = [device.changed(counter=2).log_in(new_challenge(shop), ada.id) for _ in range(4)]

    responses = gather(4, lambda n: shop.anonymous.post("/api/passkey-sessions", json=copies[n]))

    assert Counter(it.status_code for it in responses) == {201: 1, 401: 3}
    assert error_of(log_in(shop, ada, device.changed(counter=1))) == REJECTED
    assert log_in(shop, ada, device.changed(counter=3)).status_code == 201


def test_deleted_passkey_is_rejected(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    (listed,) = passkeys_of(ada)
    assert ada.http.delete(f"/api/authenticators/{listed['id']}").status_code == 204

    assert error_of(log_in(shop, ada, device)) == REJECTED


def test_passkey_of_another_user_cannot_be_deleted(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    (listed,) = passkeys_of(ada)

    for person in (shop.sign_up(), shop.admin):
        response = person.http.delete(f"/api/authenticators/{listed['id']}")

        assert response.status_code in (403, 404)  # the admin's login may be too old
    assert passkeys_of(ada) == [listed]


def test_deactivated_user_is_rejected_only_with_the_right_signature(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    shop.deactivate(ada)
    before = shop.everything_but_attempts()

    assert error_of(log_in(shop, ada, device)) == (403, "ACCOUNT_INACTIVE")
    assert error_of(log_in(shop, ada, device, signature=encoded(b"wrong"))) == REJECTED
    assert shop.everything_but_attempts() == before


def test_passkey_of_a_deleted_user_is_rejected_and_erased(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    assert ada.http.delete("/api/users/me").status_code == 204

    assert error_of(log_in(shop, ada, device)) == REJECTED
    assert ada.id not in str(shop.table("AuthenticatorsTable"))


def test_password_reset_ends_sessions_and_keeps_the_passkey(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    token = create_token(shop, ada, "password-resets")
    body = {"password": "another password"}
    assert shop.anonymous.put(f"/api/password-resets/{token}", json=body).status_code == 204

    refreshed = shop.anonymous.post(
        "/api/access-tokens", json={"refreshToken": ada.grant["refreshToken"]}
    )
    assert error_of(refreshed) == (401, "UNAUTHORIZED")
    assert log_in(shop, ada, device).status_code == 201


def test_eleventh_failure_closes_this_passkey_and_no_other_login(
    shop: Shop, ada: Person, device: SoftwareAuthenticator
) -> None:
    other = add_passkey(shop, ada)
    wrong = encoded(b"wrong")
    for _ in range(10):
        assert error_of(log_in(shop, ada, device, signature=wrong)) == REJECTED
    before = shop.everything()

    response = log_in(shop, ada, device)

    assert error_of(response) == (429, "TOO_MANY_REQUESTS")
    assert 800 < int(response.headers["Retry-After"]) <= 900
    assert shop.everything() == before
    assert log_in(shop, ada, other).status_code == 201
    assert shop.log_in(ada.email, PASSWORD).id == ada.id


def test_login_during_an_outage_can_be_repeated(
    shop: Shop, faults: FaultProxy, ada: Person, device: SoftwareAuthenticator
) -> None:
    body = device.log_in(new_challenge(shop), ada.id)
    before = shop.everything_but_attempts()

    for table in ("AuthenticatorsTable", "SessionsTable", "IdempotencyTable"):
        with faults.on(THROTTLED, table=shop.resources[table]):
            assert_retryable_503(shop.anonymous.post("/api/passkey-sessions", json=body))

    assert shop.everything_but_attempts() == before
    assert shop.anonymous.post("/api/passkey-sessions", json=body).status_code == 201


def test_login_after_a_lost_response_begins_one_session(
    shop: Shop, faults: FaultProxy, ada: Person, device: SoftwareAuthenticator
) -> None:
    body = device.log_in(new_challenge(shop), ada.id)

    with faults.on(response_lost, *WRITES, table=shop.resources["SessionsTable"], times=1):
        first = shop.anonymous.post("/api/passkey-sessions", json=body)
    second = shop.anonymous.post("/api/passkey-sessions", json=body)

    assert (first.status_code, error_of(second)) == (201, REJECTED)
    assert len(ada.http.get("/api/sessions").json()["data"]) == 2


# A deployment without passkeys


def test_routes_say_that_passkeys_are_off(shop: Shop, ada: Person) -> None:
    challenge = new_challenge(shop)
    functions = {
        "CreatePasskeyChallenge": (shop.anonymous, "/api/passkey-challenges", {}),
        "CreatePasskey": (ada.http, "/api/passkeys", SoftwareAuthenticator().register(challenge)),
        "CreatePasskeySession": (
            shop.anonymous,
            "/api/passkey-sessions",
            SoftwareAuthenticator().log_in(challenge, ada.id),
        ),
    }
    for function in functions:
        shop.set_environment(function, PASSKEY_DOMAIN="")
    try:
        for client, path, body in functions.values():
            response = client.post(path, json=body)

            assert error_of(response) == (404, "NOT_FOUND")
            assert response.json()["error"]["message"] == "Passkeys are off in this deployment."
    finally:
        for function in functions:
            shop.set_environment(function, PASSKEY_DOMAIN="localhost")
    assert new_challenge(shop)
