"""A log-in proves the password, and a log-in that lost a race is no log-in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shop.caller import Role
from shop.errors import AccountInactive, InvalidCredentials, ServiceUnavailable, TooManyRequests
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.login_attempts.models import Guess, LoginAttempt
from shop.identity.sessions.models import Session
from shop.identity.sessions.schemas import SessionCreate
from shop.identity.sessions.service import SessionService
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD

GATE = AccountState(ALICE.id, 3, UserStatus.ACTIVE, Role.CUSTOMER)


@dataclass
class Lobby:
    """Sessions in memory; a password's hash is the password."""

    credentials: dict[str, Credential] = field(
        default_factory=lambda: {"ada@example.com": Credential(ALICE.id, PASSWORD)}
    )
    gates: dict[str, AccountState] = field(default_factory=lambda: {ALICE.id: GATE})
    sessions: list[Session] = field(default_factory=list)
    is_still_so: bool = True
    is_full: bool = False
    counted: list[LoginAttempt] = field(default_factory=list)
    taken_back: list[LoginAttempt] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)  # of each guess
    compared: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: datetime = NOON
    between_read_and_write: Callable[[], None] = lambda: None
    other_hash: str | None = None  # what another log-in puts in the hash's place meanwhile

    def find_credential(
        self, email: str, attempt: LoginAttempt
    ) -> tuple[Credential | None, LoginAttempt]:
        return self.credentials.get(email), attempt

    @contextmanager
    def guess(self, attempt: LoginAttempt) -> Iterator[Guess]:
        if self.is_full:
            raise TooManyRequests
        self.counted.append(attempt)
        guess = Guess(attempt)
        try:
            yield guess
        finally:
            self.right.append(guess.is_right)

    def of_user(self, user_id: str) -> tuple[list[Session], AccountState | None]:
        mine = [session for session in self.sessions if session.user_id == user_id]
        return sorted(mine, key=lambda session: session.id, reverse=True), self.gates.get(user_id)

    def begin(
        self,
        session: Session,
        email: str,
        password_hash: str,
        new_hash: str | None,
        attempt: LoginAttempt,
        ended: Sequence[str] = (),
    ) -> bool:
        if self.other_hash is not None:
            self.credentials[email] = replace(
                self.credentials[email], password_hash=self.other_hash
            )
            self.other_hash = None
        is_still_so = self.credentials[email].password_hash == password_hash
        if not (self.is_still_so and is_still_so):
            return False
        self.sessions = [kept for kept in self.sessions if kept.id not in ended] + [session]
        self.taken_back.append(attempt)
        if new_hash is not None:
            self.credentials[email] = replace(self.credentials[email], password_hash=new_hash)
        return True

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]:
        self.asked.append("with_account_state")
        return self._find(user_id, session_id), self.gates.get(user_id)

    def rotate(self, session: Session, spent: bytes) -> Session | None:
        self.asked.append("rotate")
        self.between_read_and_write()
        stored = self._find(session.user_id, session.id)
        if stored is None or (stored.refresh.current, stored.epoch) != (spent, session.epoch):
            return stored
        self.sessions[self.sessions.index(stored)] = session
        return session

    def end(self, user_id: str, session_id: str, family: bytes | None = None) -> bool:
        self.asked.append("end")
        stored = self._find(user_id, session_id)
        if stored is None or family not in (None, stored.refresh.family):
            return False
        self.sessions.remove(stored)
        return True

    def end_all(self, user_id: str) -> None:
        account_state = self.gates[user_id]
        self.gates[user_id] = replace(account_state, epoch=account_state.epoch + 1)

    def _find(self, user_id: str, session_id: str) -> Session | None:
        found = (s for s in self.sessions if (s.user_id, s.id) == (user_id, session_id))
        return next(found, None)

    def verify(self, password: str, credential: Credential | None) -> bool:
        password_hash = None if credential is None else credential.password_hash
        self.compared.append(password_hash)
        return password_hash in (password, f"weak {password}")

    def rehashed(self, password: str, password_hash: str) -> str | None:
        return password if password_hash.startswith("weak") else None

    def service(self) -> SessionService:
        def issue(user_id: str, session_id: str, role: Role) -> str:
            return f"{user_id} {session_id} {role}"

        return SessionService(
            self, self, self.verify, self.rehashed, issue, lambda: self.now, new_id
        )


def attempt(email: str = "ada@example.com", password: str = PASSWORD) -> SessionCreate:
    return SessionCreate.model_validate({"email": email, "password": password}, strict=False)


def test_the_right_password_begins_a_session_under_the_gates_epoch_and_role() -> None:
    lobby = Lobby()

    grant = lobby.service().log_in(attempt(" ADA@example.com"), BROWSER)

    assert lobby.sessions == [grant.session]
    assert (grant.session.epoch, grant.session.user_agent) == (3, "a browser")
    assert grant.session.expires_at == NOON + timedelta(days=30)
    assert grant.access_token == f"{ALICE.id} {grant.session.id} customer"
    assert grant.session.refresh.current not in grant.refresh_token.encode()


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("   ", PASSWORD),
    ],
)
def test_anything_else_is_refused_after_one_comparison(email: str, password: str) -> None:
    lobby = Lobby()

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(email, password), BROWSER)

    assert len(lobby.compared) == 1
    assert lobby.sessions == []


def test_an_inactive_account_is_refused() -> None:
    lobby = Lobby(gates={ALICE.id: replace(GATE, status=UserStatus.INACTIVE)})

    with pytest.raises(AccountInactive):
        lobby.service().log_in(attempt(), BROWSER)
    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    assert lobby.sessions == []


@pytest.mark.usefixtures("no_time_to_retry")
def test_log_in_gets_503_while_its_account_keeps_changing() -> None:
    lobby = Lobby(is_still_so=False)

    with pytest.raises(ServiceUnavailable):
        lobby.service().log_in(attempt(), BROWSER)


def test_an_attempt_is_counted_before_the_password_is_compared_and_whoever_has_the_e_mail() -> None:
    lobby = Lobby(is_full=True)

    for email, password in (("ada@example.com", PASSWORD), ("nobody@example.com", "wrong")):
        with pytest.raises(TooManyRequests):
            lobby.service().log_in(attempt(email, password), BROWSER)

    assert lobby.compared == [] and lobby.sessions == []


def test_an_attempt_is_taken_back_where_the_log_in_succeeds_only() -> None:
    lobby = Lobby()

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    lobby.service().log_in(attempt(), BROWSER)

    assert len(lobby.counted) == 2
    assert lobby.taken_back == lobby.counted[1:]
    assert lobby.right == [False, True]


def test_a_weak_hash_is_raised_by_who_has_the_password_only() -> None:
    weak = Credential(ALICE.id, f"weak {PASSWORD}")
    lobby = Lobby(credentials={"ada@example.com": weak})

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    assert lobby.credentials["ada@example.com"] == weak
    lobby.service().log_in(attempt(), BROWSER)

    assert lobby.credentials["ada@example.com"].password_hash == PASSWORD


def test_a_log_in_that_met_another_raising_the_hash_succeeds_and_is_counted_once() -> None:
    weak = Credential(ALICE.id, f"weak {PASSWORD}")
    lobby = Lobby(credentials={"ada@example.com": weak}, other_hash=PASSWORD)

    grant = lobby.service().log_in(attempt(), BROWSER)

    assert lobby.sessions == [grant.session] and len(lobby.counted) == 1


def test_a_log_in_that_met_a_password_change_compares_with_the_new_password() -> None:
    lobby = Lobby(other_hash="another password")

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(), BROWSER)

    assert lobby.compared == [PASSWORD, "another password"] and lobby.sessions == []


@pytest.mark.parametrize(
    ("account_state", "days", "is_live"),
    [
        (GATE, 0, True),
        (GATE, 29.9, True),
        (GATE, 30, False),
        (None, 0, False),
        (replace(GATE, epoch=4), 0, False),
        (replace(GATE, status=UserStatus.INACTIVE), 0, False),
    ],
)
def test_a_session_lives_while_gate_and_clock_let_it(
    account_state: AccountState | None, days: float, is_live: bool
) -> None:
    session = Lobby().service().log_in(attempt(), BROWSER).session

    assert session.is_live(account_state, NOON + timedelta(days=days)) is is_live
