"""Second factors over HTTP: enrolment, log-in, recovery codes, races, faults and emails."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from shop.clock import to_text
from shop.identifiers import new_id
from tests.e2e.test_oauth import exchange
from tests.e2e.test_operator_commands import make, outcomes
from tests.support.authenticator_app import wrong_code
from tests.support.deployed_shop import Person, Shop, error_of, gather, new_email
from tests.support.fault_proxy import QUEUES, FaultProxy, response_lost, service_error
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import create_token
from tests.support.second_factors import SecondFactor, enrol, turn_on
from tests.support.sent_emails import Mail

CODE_REQUIRED = (401, "CODE_REQUIRED")
INVALID_CODE = (401, "INVALID_CODE")
INVALID_CREDENTIALS = (401, "INVALID_CREDENTIALS")
NOT_FOUND = (404, "NOT_FOUND")
TOO_MANY = (429, "TOO_MANY_REQUESTS")
ADDED = "Your account has a second factor"
REMOVED = "The second factor of your account was removed"
REPLACED = "Your recovery codes were replaced"
RESET = "The second factor of your account was reset"
WRONG_CODES = "Wrong codes for your account"


@pytest.fixture
def person(shop: Shop) -> Person:
    return shop.sign_up()


def log_in(
    shop: Shop, person: Person, code: object = None, password: str = PASSWORD
) -> httpx2.Response:
    body = {"email": person.email, "password": password}
    return shop.anonymous.post(
        "/api/sessions", json=body if code is None else body | {"code": code}
    )


def wrong(app: SecondFactor) -> str:
    return wrong_code(app.secret, datetime.now(UTC))


def confirm(person: Person, app: SecondFactor, code: str) -> httpx2.Response:
    return person.http.put(f"/api/authenticators/{app.id}", json={"code": code})


def listed(person: Person) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = person.http.get("/api/authenticators").json()["data"]
    return data


@contextmanager
def nothing_changes(shop: Shop) -> Iterator[None]:
    shop.drop_cached_items()
    before = shop.everything_but_attempts()
    yield
    shop.drop_cached_items()
    assert shop.everything_but_attempts() == before


def test_second_factor_is_enrolled_confirmed_used_and_deleted(shop: Shop, person: Person) -> None:
    body = {"kind": "totp", "currentPassword": PASSWORD, "name": "My phone"}
    enrolled = person.http.post("/api/authenticators", json=body)
    assert enrolled.status_code == 201
    assert enrolled.headers["Cache-Control"] == "no-store"
    app = SecondFactor(enrolled.json()["id"], enrolled.json()["secret"], [])
    assert enrolled.json()["uri"].startswith(f"otpauth://totp/Shop:{person.email}?secret={app[1]}&")
    assert listed(person) == [] and log_in(shop, person).status_code == 201

    confirmed = confirm(person, app, app.code(steps=-1))

    assert confirmed.status_code == 200
    assert len({*confirmed.json()["recoveryCodes"]}) == 10
    assert error_of(log_in(shop, person)) == CODE_REQUIRED
    assert log_in(shop, person, app.code()).status_code == 201
    (row,) = listed(person)
    assert (row["id"], row["kind"], row["name"], row["recoveryCodesLeft"]) == (
        *(app.id, "totp", "My phone", 10),
    )
    assert person.http.delete(f"/api/authenticators/{app.id}").status_code == 204
    assert listed(person) == [] and log_in(shop, person).status_code == 201


def test_confirmation_ends_all_other_sessions_and_tokens_of_apps(
    shop: Shop, person: Person
) -> None:
    other = shop.log_in(person.email)
    client = shop.oauth_client()
    tokens = exchange(shop, client, other.authorize(client)["code"]).json()
    turn_on(person)

    body = {"refreshToken": other.grant["refreshToken"]}
    assert shop.anonymous.post("/api/access-tokens", json=body).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    form |= {"client_id": client["id"], "client_secret": client["secret"]}
    assert shop.anonymous.post("/oauth/token", data=form).status_code == 400
    body = {"refreshToken": person.grant["refreshToken"]}
    assert shop.anonymous.post("/api/access-tokens", json=body).status_code == 201


def test_code_counts_once_also_for_log_ins_at_once(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    code = app.code()

    answers = gather(4, lambda _: log_in(shop, person, code))

    assert Counter(it.status_code for it in answers) == {201: 1, 401: 3}
    assert {error_of(it) for it in answers if it.status_code == 401} == {INVALID_CODE}
    assert error_of(log_in(shop, person, app.code(steps=-1))) == INVALID_CODE


def test_recovery_code_counts_once_also_for_log_ins_at_once(shop: Shop, person: Person) -> None:
    first, second, *_ = turn_on(person).recovery_codes

    answers = gather(4, lambda _: log_in(shop, person, first))

    assert Counter(it.status_code for it in answers) == {201: 1, 401: 3}
    assert log_in(shop, person, second.upper().replace("-", " ")).status_code == 201
    assert listed(person)[0]["recoveryCodesLeft"] == 8


@pytest.mark.parametrize("code", [None, "right", "000000", "", "x" * 100_000])
def test_wrong_password_never_reveals_a_second_factor(
    shop: Shop, person: Person, code: str | None
) -> None:
    secured = shop.sign_up()
    app = turn_on(secured)
    sent = app.code() if code == "right" else code

    with nothing_changes(shop):
        plain, other = (log_in(shop, it, sent, "wrong") for it in (person, secured))

    assert error_of(plain) == error_of(other) == INVALID_CREDENTIALS
    errors = [it.json()["error"] | {"requestId": ""} for it in (plain, other)]
    assert errors[0] == errors[1]
    assert log_in(shop, secured, app.code()).status_code == 201


def test_five_wrong_codes_pause_log_ins_and_the_owner_gets_an_email(
    shop: Shop, person: Person
) -> None:
    app = turn_on(person)

    answers = gather(8, lambda _: log_in(shop, person, wrong(app)))

    found = Counter(error_of(it) for it in answers)
    assert found == {INVALID_CODE: 5, TOO_MANY: 3}
    paused = log_in(shop, person, app.code())
    assert error_of(paused) == TOO_MANY
    assert 0 < int(paused.headers["Retry-After"]) <= 900
    assert error_of(log_in(shop, person, app.code(), "wrong")) == INVALID_CREDENTIALS
    codes = person.http.post("/api/recovery-codes", json={"code": app.code()})
    assert error_of(codes) == TOO_MANY
    mail = Mail(shop)
    assert len(mail.to(person.email, WRONG_CODES)) == 1
    mail.wait_until_idle()
    assert len(mail.to(person.email, WRONG_CODES)) == 1


def test_change_of_the_email_admits_no_further_codes(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    wrong_codes = [log_in(shop, person, wrong(app)) for _ in range(5)]
    assert {error_of(it) for it in wrong_codes} == {INVALID_CODE}

    changed = {"email": new_email(), "currentPassword": PASSWORD}
    person.http.patch("/api/users/me", json=changed).raise_for_status()

    moved = replace(person, email=changed["email"])
    assert error_of(log_in(shop, moved, app.code())) == TOO_MANY
    codes = person.http.post("/api/recovery-codes", json={"code": app.code()})
    assert error_of(codes) == TOO_MANY


def test_missing_code_is_no_failed_log_in(shop: Shop, person: Person) -> None:
    app = turn_on(person)

    errors = {error_of(log_in(shop, person)) for _ in range(12)}

    assert errors == {CODE_REQUIRED}
    assert log_in(shop, person, app.code()).status_code == 201


def test_code_is_ignored_without_a_second_factor(shop: Shop, person: Person) -> None:
    assert log_in(shop, person, "000000").status_code == 201


@pytest.mark.parametrize("code", [123456, True, ["123456"], {"code": "123456"}])
def test_code_of_another_type_is_invalid(shop: Shop, person: Person, code: object) -> None:
    with nothing_changes(shop):
        assert log_in(shop, person, code).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "sms", "currentPassword": PASSWORD},
        {"kind": "passkey", "currentPassword": PASSWORD},
        {"kind": "totp"},
        {"kind": "totp", "currentPassword": PASSWORD, "name": ""},
        {"kind": "totp", "currentPassword": PASSWORD, "name": "x" * 101},
        {"kind": "totp", "currentPassword": PASSWORD, "secret": "JBSWY3DPEHPK3PXP"},
    ],
    ids=str,
)
def test_malformed_enrolment_changes_nothing(shop: Shop, person: Person, body: object) -> None:
    with nothing_changes(shop):
        assert person.http.post("/api/authenticators", json=body).status_code == 422


def test_enrolment_needs_the_current_password(shop: Shop, person: Person) -> None:
    body = {"kind": "totp", "currentPassword": "wrong"}

    with nothing_changes(shop):
        rejected = [person.http.post("/api/authenticators", json=body) for _ in range(11)]

    assert [error_of(it) for it in rejected] == [INVALID_CREDENTIALS] * 10 + [TOO_MANY]


def test_second_app_is_rejected(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    body = {"kind": "totp", "currentPassword": PASSWORD}

    with nothing_changes(shop):
        for again in (
            person.http.post("/api/authenticators", json=body),
            confirm(person, app, app.code()),
        ):
            assert error_of(again) == (409, "AUTHENTICATOR_EXISTS")


def test_enrolment_without_a_code_is_replaced_and_expires(shop: Shop, person: Person) -> None:
    first, second = enrol(person), enrol(person)
    key = {"user_id": person.id, "id": second.id}
    assert error_of(confirm(person, first, first.code())) == NOT_FOUND
    shop.change("AuthenticatorsTable", key, expires_at=to_text(datetime.now(UTC)))

    with nothing_changes(shop):
        assert error_of(confirm(person, second, second.code())) == NOT_FOUND


def test_wrong_code_confirms_nothing(shop: Shop, person: Person) -> None:
    app = enrol(person)

    with nothing_changes(shop):
        for code in (wrong(app), "", "2345-2345-23", "x" * 100_000):
            assert error_of(confirm(person, app, code)) == INVALID_CODE
        assert person.http.put(f"/api/authenticators/{app.id}", json={}).status_code == 422

    assert listed(person) == [] and log_in(shop, person).status_code == 201
    assert confirm(person, app, app.code()).status_code == 200


def test_one_of_many_confirmations_at_once_succeeds(shop: Shop, person: Person) -> None:
    app = enrol(person)
    code = app.code()

    answers = gather(4, lambda _: confirm(person, app, code))

    assert Counter(it.status_code for it in answers)[200] == 1
    assert {error_of(it) for it in answers if it.status_code != 200} <= {
        (409, "AUTHENTICATOR_EXISTS"),
        (401, "UNAUTHORIZED"),
    }
    (codes,) = [it.json()["recoveryCodes"] for it in answers if it.status_code == 200]
    assert log_in(shop, person, codes[0]).status_code == 201


def test_strangers_and_admins_do_not_reach_an_authenticator(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    pending = enrol(stranger := shop.sign_up())

    with nothing_changes(shop):
        for other in (stranger, shop.admin):
            path = f"/api/authenticators/{app.id}"
            assert error_of(other.http.delete(path)) in (NOT_FOUND, (403, "LOGIN_TOO_OLD"))
            assert error_of(confirm(other, app, app.code())) == NOT_FOUND
        assert error_of(confirm(person, pending, pending.code())) == NOT_FOUND
        codes = stranger.http.post("/api/recovery-codes", json={"code": app.code()})
        assert error_of(codes) == NOT_FOUND


def test_deletion_needs_a_session_of_the_last_ten_minutes(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    key = {"user_id": person.id, "id": person.grant["session"]["id"]}
    old = datetime.now(UTC) - timedelta(minutes=10, seconds=1)
    shop.change("SessionsTable", key, created_at=to_text(old))

    with nothing_changes(shop):
        rejected = person.http.delete(f"/api/authenticators/{app.id}")
        assert error_of(rejected) == (403, "LOGIN_TOO_OLD")

    token = log_in(shop, person, app.code()).json()["accessToken"]
    assert shop.client(token).delete(f"/api/authenticators/{app.id}").status_code == 204


def test_repeated_deletion_is_not_found(shop: Shop, person: Person) -> None:
    path = f"/api/authenticators/{turn_on(person).id}"

    answers = gather(3, lambda _: person.http.delete(path))

    assert sorted(it.status_code for it in answers) == [204, 404, 404]


def test_new_recovery_codes_end_the_old_ones(shop: Shop, person: Person) -> None:
    app = turn_on(person)

    created = person.http.post("/api/recovery-codes", json={"code": app.code()})
    repeated = person.http.post("/api/recovery-codes", json={"code": app.code()})

    assert created.status_code == 201
    assert error_of(repeated) == INVALID_CODE
    assert error_of(log_in(shop, person, app.recovery_codes[0])) == INVALID_CODE
    assert log_in(shop, person, created.json()["recoveryCodes"][9]).status_code == 201


def test_password_reset_and_changes_keep_the_second_factor(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    token = create_token(shop, person, "password-resets", generation=2)
    reset = shop.anonymous.put(f"/api/password-resets/{token}", json={"password": PASSWORD})
    assert reset.status_code == 204
    path = f"/api/users/{person.id}"
    for status in ("inactive", "active"):
        assert shop.admin.http.patch(path, json={"status": status}).status_code == 200

    assert error_of(log_in(shop, person)) == CODE_REQUIRED
    assert log_in(shop, person, app.code()).status_code == 201


def test_deleted_user_leaves_no_authenticator(shop: Shop, person: Person) -> None:
    turn_on(person)

    assert person.http.delete("/api/users/me").status_code == 204

    rows = shop.table("AuthenticatorsTable")
    assert not [row for row in rows if row["user_id"]["S"] == person.id]


def test_owner_gets_an_email_about_each_change(shop: Shop, person: Person) -> None:
    mail = Mail(shop)
    app = turn_on(person)
    (added,) = mail.to(person.email, ADDED)
    assert person.http.post("/api/recovery-codes", json={"code": app.code()}).status_code == 201
    person.http.delete(f"/api/authenticators/{app.id}").raise_for_status()

    assert len(mail.to(person.email, REPLACED)) == len(mail.to(person.email, REMOVED)) == 1
    # The address is not verified, so its emails have no name.
    assert "Ada" not in str(added)


def test_operator_resets_second_factors(shop: Shop, person: Person) -> None:
    turn_on(person)

    with nothing_changes(shop):
        tried = make(shop, "reset-second-factors", USER=person.id)
        assert "dry run" in tried.stdout and "authenticators: 1" in tried.stdout, tried.stderr
    done = make(shop, "reset-second-factors", USER=person.id, CONFIRM="1")

    assert done.returncode == 0, done.stderr
    assert log_in(shop, person).status_code == 201 and listed(person) == []
    assert outcomes(shop, user_id=person.id) == [
        *(("reset-second-factors", "dry run"), ("reset-second-factors", "done"))
    ]
    assert len(Mail(shop).to(person.email, RESET)) == 1
    unknown = make(shop, "reset-second-factors", USER=new_id(), CONFIRM="1")
    assert unknown.returncode != 0 and "NOT_FOUND" in unknown.stderr


def test_throttled_table_fails_the_log_in_and_keeps_the_code(
    shop: Shop, person: Person, faults: FaultProxy
) -> None:
    app = turn_on(person)
    code = app.code()
    throttled = service_error("ThrottlingException")

    with faults.on(throttled, table=shop.resources["AuthenticatorsTable"]) as hits:
        answer = log_in(shop, person, code)

    assert hits and answer.status_code == 503
    assert log_in(shop, person, code).status_code == 201


def test_change_without_its_email_is_not_made(
    shop: Shop, person: Person, faults: FaultProxy
) -> None:
    app = enrol(person)

    with faults.on(service_error("ThrottlingException"), service=QUEUES) as hits:
        answer = confirm(person, app, app.code(steps=-1))

    assert hits and answer.status_code == 503
    assert listed(person) == []
    assert confirm(person, app, app.code(steps=-1)).status_code == 200


def test_lost_response_of_the_commit_counts_the_code_once(
    shop: Shop, person: Person, faults: FaultProxy
) -> None:
    app = turn_on(person)
    code = app.code()

    with faults.on(
        response_lost, "TransactWriteItems", table=shop.resources["AuthenticatorsTable"], times=1
    ) as hits:
        assert log_in(shop, person, code).status_code == 201

    assert hits
    assert error_of(log_in(shop, person, code)) == INVALID_CODE


def test_table_and_logs_have_no_secret_and_no_code(shop: Shop, person: Person) -> None:
    app = turn_on(person)
    code = app.code()
    assert log_in(shop, person, code).status_code == 201
    secrets = [app.secret, *app.recovery_codes, *(it.replace("-", "") for it in app.recovery_codes)]

    (row,) = [it for it in shop.table("AuthenticatorsTable") if it["user_id"]["S"] == person.id]
    logs = shop.stack.emulator.function_log.read_text()
    assert not [it for it in secrets if it in str(row) or it in logs]


def test_third_parties_reach_no_route(shop: Shop, person: Person) -> None:
    client = shop.oauth_client()
    tokens = exchange(shop, client, person.authorize(client)["code"]).json()
    app = shop.client(tokens["access_token"])
    requests: list[Callable[[], httpx2.Response]] = [
        lambda: app.get("/api/authenticators"),
        lambda: app.post("/api/authenticators", json={"kind": "totp", "currentPassword": PASSWORD}),
        lambda: app.put(f"/api/authenticators/{new_id()}", json={"code": "123456"}),
        lambda: app.delete(f"/api/authenticators/{new_id()}"),
        lambda: app.post("/api/recovery-codes", json={"code": "123456"}),
    ]

    with nothing_changes(shop):
        for send in requests:
            assert error_of(send()) == (403, "INSUFFICIENT_SCOPE")
