"""Second factors with their storage: each code counts once, and a log-in needs one."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

import shop.clients
from shop.caller import Caller, Role
from shop.errors import (
    AuthenticatorExists,
    CodeRequired,
    InvalidCode,
    InvalidCredentials,
    LoginTooOld,
    NotFound,
    ShopError,
    TooManyRequests,
    Unauthorized,
)
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.authenticators.models import ENROLMENT_LIFETIME, Enrolment, Kind
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.authenticators.requests import (
    AuthenticatorConfirm,
    AuthenticatorCreate,
    RecoveryCodesReplace,
)
from shop.identity.authenticators.service import AuthenticatorService
from shop.identity.codes.repository import AuthenticatorAppRepository
from shop.identity.codes.secrets import second_factor_secret
from shop.identity.codes.service import CodeService
from shop.identity.login_attempts.models import MAX_WRONG_CODES, WINDOW
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passwords import hash_password, rehashed, verify_password
from shop.identity.security_notices import SecurityNotices
from shop.identity.sessions.models import Session
from shop.identity.sessions.recent_login import MAX_LOGIN_AGE, RecentLogin
from shop.identity.sessions.repository import SessionRepository
from shop.identity.sessions.requests import SessionCreate
from shop.identity.sessions.service import SessionService
from shop.users.erasure import PersonalDataRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.authenticator_app import code_of, wrong_code
from tests.support.aws_mock import fresh_aws
from tests.support.deployed_shop import gather
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD

EMAIL = "ada@example.com"
USER = User(ALICE.id, EMAIL, "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1)
STEP = timedelta(seconds=30)


class Home:
    """The services of a user, at a time that tests move."""

    def __init__(self) -> None:
        self.now = NOON
        self.notices: list[str] = []
        limit = LoginAttemptService(LoginAttemptRepository(), self.clock)
        notices = SecurityNotices(self, self.clock)
        derive = second_factor_secret().derive
        codes = CodeService(AuthenticatorAppRepository(), limit, derive, notices, self.clock)
        self.sessions = SessionService(
            SessionRepository(),
            limit,
            verify_password,
            rehashed,
            lambda *_: "token",
            self.clock,
            new_id,
            lambda: codes,
        )
        self.authenticators = AuthenticatorService(
            AuthenticatorRepository(),
            limit,
            verify_password,
            codes,
            RecentLogin(SessionRepository(), self.clock),
            derive,
            notices,
            self.clock,
            new_id,
        )

    def clock(self) -> datetime:
        return self.now

    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        assert (type_, time, data["userId"]) == ("mail.second_factor_changed", self.now, USER.id)
        self.notices.append(data["change"])

    def log_in(self, code: str | None = None, password: str = PASSWORD) -> Session:
        payload = {"email": EMAIL, "password": password, "code": code}
        credentials = SessionCreate.model_validate(payload, strict=False)
        return self.sessions.log_in(credentials, BROWSER).session

    def caller(self, code: str | None = None) -> Caller:
        return Caller(USER.id, self.log_in(code).id, Role.CUSTOMER)

    def enrol(self, caller: Caller, password: str = PASSWORD) -> Enrolment:
        payload = AuthenticatorCreate.model_construct(
            kind="totp", current_password=SecretStr(password), name="My phone"
        )
        return self.authenticators.enrol(caller, payload, BROWSER)

    def confirm(self, caller: Caller, id_: str, code: str) -> list[str]:
        payload = AuthenticatorConfirm.model_construct(code=SecretStr(code))
        return [*self.authenticators.confirm(caller, id_, payload, BROWSER)]

    def replace(self, caller: Caller, code: str) -> list[str]:
        payload = RecoveryCodesReplace.model_construct(code=SecretStr(code))
        return [*self.authenticators.replace_recovery_codes(caller, payload, BROWSER)]

    def secured(self) -> tuple[Caller, str, str, list[str]]:
        """Return a caller with a second factor: its id, secret and recovery codes."""
        caller = self.caller()
        app = self.enrol(caller)
        codes = self.confirm(caller, app.id, code_of(app.secret, self.now))
        self.now += STEP
        return caller, app.id, app.secret, codes


@pytest.fixture
def home() -> Iterator[Home]:
    with fresh_aws():
        UserRepository().add(USER, hash_password(PASSWORD))
        yield Home()


def rows() -> list[dict[str, Any]]:
    return shop.clients.dynamodb().scan(TableName="authenticators_table")["Items"]


def test_log_in_needs_no_code_before_the_app_is_confirmed(home: Home) -> None:
    caller = home.caller()
    home.enrol(caller)

    assert home.log_in()
    assert home.log_in(code="000000")
    assert home.authenticators.list(caller) == []


def test_log_in_needs_a_code_once_the_app_is_confirmed(home: Home) -> None:
    caller, id_, secret, codes = home.secured()

    with pytest.raises(CodeRequired):
        home.log_in()
    assert home.log_in(code_of(secret, home.now))
    assert home.notices == ["added"]
    (listed,) = home.authenticators.list(caller)
    assert (listed.id, listed.kind, listed.name, listed.recovery_codes_left) == (
        *(id_, Kind.TOTP, "My phone"),
        len(codes),
    )
    assert listed.last_used_at == home.now


def test_code_counts_once(home: Home) -> None:
    _, _, secret, _ = home.secured()
    code = code_of(secret, home.now)
    home.log_in(code)

    with pytest.raises(InvalidCode):
        home.log_in(code)
    with pytest.raises(InvalidCode):
        home.log_in(code_of(secret, home.now, steps=-1))
    assert home.log_in(code_of(secret, home.now, steps=1))


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_code_of_a_neighbouring_step_is_right(home: Home, steps: int, is_right: bool) -> None:
    _, _, secret, _ = home.secured()
    home.now += 10 * STEP
    code = code_of(secret, home.now, steps)

    if is_right:
        assert home.log_in(code)
    else:
        with pytest.raises(InvalidCode):
            home.log_in(code)


def test_code_that_confirmed_the_app_logs_nobody_in(home: Home) -> None:
    _, _, secret, _ = home.secured()

    with pytest.raises(InvalidCode):
        home.log_in(code_of(secret, home.now, steps=-1))


def test_recovery_code_logs_in_once_however_it_is_typed(home: Home) -> None:
    caller, _, _, codes = home.secured()

    assert home.log_in(f" {codes[0][:5].upper()} - {codes[0][5:]} ")
    with pytest.raises(InvalidCode):
        home.log_in(codes[0])
    assert home.log_in(codes[1])
    assert home.authenticators.list(caller)[0].recovery_codes_left == len(codes) - 2


def test_wrong_password_is_answered_alike_with_and_without_a_second_factor(home: Home) -> None:
    _, _, secret, _ = home.secured()

    for code in (None, code_of(secret, home.now), "000000"):
        with pytest.raises(InvalidCredentials):
            home.log_in(code, password="wrong")


def test_five_wrong_codes_reject_every_code_until_the_window_ends(home: Home) -> None:
    _, _, secret, _ = home.secured()
    wrong = wrong_code(secret, home.now)
    for _ in range(MAX_WRONG_CODES):
        assert home.notices == ["added"]
        with pytest.raises(InvalidCode):
            home.log_in(wrong)

    with pytest.raises(TooManyRequests) as rejected:
        home.log_in(code_of(secret, home.now))
    assert rejected.value.retry_after == WINDOW.total_seconds()
    with pytest.raises(InvalidCredentials):
        home.log_in(code_of(secret, home.now), password="wrong")
    assert home.notices == ["added", "wrong_codes"]

    home.now += WINDOW
    assert home.log_in(code_of(secret, home.now))


def test_wrong_codes_no_longer_count_once_the_app_is_deleted(home: Home) -> None:
    caller, id_, secret, _ = home.secured()
    for _ in range(MAX_WRONG_CODES):
        with pytest.raises(InvalidCode):
            home.log_in(wrong_code(secret, home.now))

    home.authenticators.delete(caller, id_)

    assert home.log_in()


def test_wrong_confirmations_reject_this_enrolment_only(home: Home) -> None:
    caller = home.caller()
    app = home.enrol(caller)
    for _ in range(MAX_WRONG_CODES):
        with pytest.raises(InvalidCode):
            home.confirm(caller, app.id, wrong_code(app.secret, home.now))

    with pytest.raises(TooManyRequests):
        home.confirm(caller, app.id, code_of(app.secret, home.now))

    assert home.notices == []
    assert home.log_in()
    other = home.enrol(caller)
    assert home.confirm(caller, other.id, code_of(other.secret, home.now))


def test_enrolment_beside_a_confirmation_keeps_the_confirmed_app(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = home.caller()
    app = home.enrol(caller)
    enrolments = AuthenticatorRepository.enrolments

    def confirmed_meanwhile(store: AuthenticatorRepository, user_id: str) -> Sequence[str]:
        monkeypatch.undo()
        found = enrolments(store, user_id)
        home.confirm(caller, app.id, code_of(app.secret, home.now))
        return found

    monkeypatch.setattr(AuthenticatorRepository, "enrolments", confirmed_meanwhile)
    with pytest.raises(AuthenticatorExists):
        home.enrol(caller)

    home.now += STEP
    assert home.log_in(code_of(app.secret, home.now))


def test_ended_session_replaces_no_recovery_codes(home: Home) -> None:
    caller, _, secret, codes = home.secured()
    home.sessions.end_all(caller)

    with pytest.raises(Unauthorized):
        home.replace(caller, code_of(secret, home.now))

    assert home.log_in(codes[0])


def test_missing_and_wrong_codes_are_no_failed_passwords(home: Home) -> None:
    _, _, secret, _ = home.secured()

    for _ in range(30):
        with pytest.raises(CodeRequired):
            home.log_in()
    assert home.log_in(code_of(secret, home.now))


def test_confirmation_ends_all_other_sessions(home: Home) -> None:
    other = home.caller()
    caller, _, _, _ = home.secured()

    live = [it.id for it in home.sessions.list_active(caller)]

    assert live == [caller.session_id]
    assert other.session_id not in live


def test_confirmation_needs_a_right_code(home: Home) -> None:
    caller = home.caller()
    app = home.enrol(caller)

    with pytest.raises(InvalidCode):
        home.confirm(caller, app.id, wrong_code(app.secret, home.now))
    with pytest.raises(InvalidCode):
        home.confirm(caller, app.id, "2345678923")
    assert home.log_in()


def test_confirmed_app_is_not_confirmed_again(home: Home) -> None:
    caller, id_, secret, _ = home.secured()

    with pytest.raises(AuthenticatorExists):
        home.confirm(caller, id_, code_of(secret, home.now))
    with pytest.raises(AuthenticatorExists):
        home.enrol(caller)


def test_enrolment_expires(home: Home) -> None:
    caller = home.caller()
    app = home.enrol(caller)
    (row,) = rows()
    home.now += ENROLMENT_LIFETIME

    with pytest.raises(NotFound):
        home.confirm(caller, app.id, code_of(app.secret, home.now))
    assert int(row["ttl"]["N"]) == home.now.timestamp()


def test_enrolment_replaces_an_earlier_one(home: Home) -> None:
    caller = home.caller()
    first, second = home.enrol(caller), home.enrol(caller)

    with pytest.raises(NotFound):
        home.confirm(caller, first.id, code_of(first.secret, home.now))
    assert home.confirm(caller, second.id, code_of(second.secret, home.now))


def test_enrolment_needs_the_password_and_a_live_session(home: Home) -> None:
    caller = home.caller()
    with pytest.raises(InvalidCredentials):
        home.enrol(caller, password="wrong")
    home.sessions.end_all(caller)

    with pytest.raises(Unauthorized):
        home.enrol(caller)
    assert rows() == []


def test_table_holds_no_secret_and_no_code(home: Home) -> None:
    _, _, secret, codes = home.secured()

    (row,) = rows()
    assert set(row) == {
        *("user_id", "id", "kind", "name", "salt", "created_at", "last_step", "last_used_at"),
        *("recovery_codes", "schema_version"),
    }
    assert not [text for text in (secret, *codes) if text in str(row)]


def test_new_recovery_codes_end_the_old_ones(home: Home) -> None:
    caller, _, secret, old = home.secured()

    new = home.replace(caller, code_of(secret, home.now))

    with pytest.raises(InvalidCode):
        home.log_in(old[0])
    assert home.log_in(new[0])
    newest = home.replace(caller, new[1])
    with pytest.raises(InvalidCode):
        home.replace(caller, new[2])
    assert home.log_in(newest[0])
    assert home.notices == ["added", "recovery_codes_replaced", "recovery_codes_replaced"]


def test_recovery_codes_need_an_app(home: Home) -> None:
    with pytest.raises(NotFound):
        home.replace(home.caller(), "123456")


def test_deletion_turns_the_second_factor_off(home: Home) -> None:
    caller, id_, _, _ = home.secured()

    home.authenticators.delete(caller, id_)

    assert home.log_in()
    assert rows() == []
    assert home.notices == ["added", "removed"]
    with pytest.raises(NotFound):
        home.authenticators.delete(caller, id_)


def test_deletion_needs_a_recent_log_in(home: Home) -> None:
    caller, id_, secret, _ = home.secured()
    home.now = NOON + MAX_LOGIN_AGE
    home.authenticators.list(caller)
    home.now += timedelta(seconds=1)

    with pytest.raises(LoginTooOld):
        home.authenticators.delete(caller, id_)
    recent = home.caller(code_of(secret, home.now))
    home.authenticators.delete(recent, id_)


def test_app_of_a_restored_table_is_deleted_without_its_flag(home: Home) -> None:
    caller, id_, _, _ = home.secured()
    home.authenticators.delete(caller, id_)
    app, _ = AuthenticatorAppRepository(), home.enrol(caller)
    (row,) = rows()
    shop.clients.dynamodb().update_item(
        TableName="authenticators_table",
        Key={"user_id": row["user_id"], "id": row["id"]},
        UpdateExpression="REMOVE expires_at",
    )
    assert app.app(USER.id, row["id"]["S"])

    home.authenticators.delete(caller, row["id"]["S"])

    assert rows() == []


def test_reset_deletes_everything(home: Home) -> None:
    home.secured()

    assert home.authenticators.reset(USER.id) == 1

    assert home.log_in()
    assert rows() == []
    assert home.notices == ["added", "reset"]
    assert home.authenticators.reset(USER.id) == 0
    assert home.notices == ["added", "reset"]


def test_erasure_deletes_authenticators(home: Home) -> None:
    home.secured()

    PersonalDataRepository().erase(USER.id, is_gone=True)

    assert rows() == []


@pytest.mark.dynamodb_local
def test_one_of_many_log_ins_at_once_spends_a_code(home: Home) -> None:
    _, _, secret, recovery_codes = home.secured()

    for code in (code_of(secret, home.now), recovery_codes[0]):
        found = Counter(gather(MAX_WRONG_CODES, lambda _, code=code: outcome(home, code)))
        assert found == {"Session": 1, "InvalidCode": MAX_WRONG_CODES - 1}
        home.now += WINDOW


@pytest.mark.dynamodb_local
def test_five_of_many_wrong_codes_at_once_are_compared(home: Home) -> None:
    _, _, secret, _ = home.secured()
    wrong = wrong_code(secret, home.now)

    found = Counter(gather(20, lambda _: outcome(home, wrong)))

    # A log-in that conflicts with others for long is a 503, and compares nothing.
    assert 0 < found["InvalidCode"] <= MAX_WRONG_CODES
    assert found.keys() <= {"InvalidCode", "TooManyRequests", "ServiceUnavailable"}


@pytest.mark.dynamodb_local
def test_one_of_many_confirmations_at_once_turns_the_second_factor_on(home: Home) -> None:
    caller = home.caller()
    app = home.enrol(caller)
    code = code_of(app.secret, home.now)

    def confirm(_: int) -> str:
        try:
            return type(home.confirm(caller, app.id, code)).__name__
        except ShopError as error:
            return type(error).__name__

    found = Counter(gather(5, confirm))

    assert found == {"list": 1, "AuthenticatorExists": 4}


def outcome(home: Home, code: str) -> str:
    try:
        return type(home.log_in(code)).__name__
    except ShopError as error:
        return type(error).__name__
