"""The authorizer allows live sessions, and raises for failures of its dependencies only."""

from datetime import timedelta

import pytest

from shop.caller import Role
from shop.identity.access_tokens import Claims, InvalidToken
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.authorization.service import Authorizer, SessionCallers
from shop.identity.sessions.models import RefreshDigests, Session
from tests.support.fixtures import ALICE, NOON
from tests.support.log_lines import LogLines

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/users/me"
STAGE = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*"
LATER = NOON + timedelta(days=30)
SESSION = Session(
    user_id=ALICE.id,
    id=ALICE.session_id,
    generation=1,
    refresh=RefreshDigests(b"", b"", b""),
    created_at=NOON,
    last_used_at=NOON,
    idle_expires_at=LATER,
    absolute_expires_at=LATER,
    user_agent="",
    ip_address="",
)
GATE = AccountState(ALICE.id, 1, UserStatus.ACTIVE, Role.ADMIN)


class Rows:
    def __init__(
        self, session: Session | None = SESSION, account_state: AccountState | None = GATE
    ) -> None:
        self.found = session, account_state

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]:
        assert (user_id, session_id) == (ALICE.id, ALICE.session_id)
        return self.found


def verify(token: str) -> Claims:
    if token == "broken":
        raise ConnectionError
    if token != "good":
        raise InvalidToken("form")
    return Claims(ALICE.id, ALICE.session_id)


def authorizer(rows: Rows) -> Authorizer:
    return Authorizer(SessionCallers(rows, verify, lambda: NOON).find)


def test_live_session_is_allowed_on_the_whole_stage_with_its_current_role() -> None:
    policy = authorizer(Rows()).decide("good", ARN)

    (statement,) = policy["policyDocument"]["Statement"]
    assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": STAGE}
    assert policy["principalId"] == ALICE.id
    assert policy["context"] == {
        "sub": ALICE.id,
        "sid": ALICE.session_id,
        "role": "admin",
        "scope": "shop shop:admin",
    }


@pytest.mark.parametrize(
    ("token", "rows"),
    [
        ("bad", Rows()),
        ("good", Rows(session=None)),
        ("good", Rows(account_state=None)),
        ("good", Rows(account_state=AccountState(ALICE.id, 2, UserStatus.ACTIVE, Role.ADMIN))),
        ("good", Rows(account_state=AccountState(ALICE.id, 1, UserStatus.INACTIVE, Role.ADMIN))),
    ],
)
def test_other_tokens_are_denied_without_an_error(token: str, rows: Rows) -> None:
    policy = authorizer(rows).decide(token, ARN)

    (statement,) = policy["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Deny", STAGE)
    assert policy["context"] == {}


@pytest.mark.parametrize(
    ("token", "rows", "verdict", "caller"),
    [
        ("good", Rows(), "allowed", ALICE.id),
        ("good", Rows(session=None), "session", ALICE.id),
        ("bad", Rows(), "form", None),
    ],
)
def test_each_decision_is_logged_with_the_user_if_known(
    log: LogLines, token: str, rows: Rows, verdict: str, caller: str | None
) -> None:
    authorizer(rows).decide(token, ARN)

    (line,) = log()
    assert (line["message"], line["verdict"]) == ("authorization", verdict)
    assert line.get("caller_id") == caller
    assert line["milliseconds"] >= 0


def test_key_load_failure_is_raised() -> None:
    with pytest.raises(ConnectionError):
        authorizer(Rows()).decide("broken", ARN)
