"""Sessions and account states in memory; the hash of a password is the password."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime

from shop.caller import Client, Role
from shop.errors import InvalidCode, TooManyRequests
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.codes.models import CodeUse
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.sessions.models import Grant, Session
from shop.identity.sessions.requests import AccessTokenCreate, SessionCreate
from shop.identity.sessions.service import SessionService
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD

GATE = AccountState(ALICE.id, 3, UserStatus.ACTIVE, Role.CUSTOMER)


@dataclass
class FakeSessionStore:
    """Sessions in memory; a password's hash is the password."""

    credentials: dict[str, Credential] = field(
        default_factory=lambda: {"ada@example.com": Credential(ALICE.id, PASSWORD)}
    )
    gates: dict[str, AccountState] = field(default_factory=lambda: {ALICE.id: GATE})
    sessions: list[Session] = field(default_factory=list)
    is_still_so: bool = True
    is_full: bool = False
    counted: list[RateLimitedRequest] = field(default_factory=list)
    taken_back: list[RateLimitedRequest] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)  # of each guess
    compared: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: datetime = NOON
    between_read_and_write: Callable[[], None] = lambda: None
    other_hash: str | None = None  # hash that a parallel login stores first
    right_code: str = "123456"
    spent: list[CodeUse] = field(default_factory=list)

    def find_credential(
        self, email: str, attempt: RateLimitedRequest
    ) -> tuple[Credential | None, RateLimitedRequest]:
        return self.credentials.get(email), attempt

    @contextmanager
    def guess(self, attempt: RateLimitedRequest) -> Iterator[Guess]:
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
        attempt: RateLimitedRequest,
        ended: Sequence[str] = (),
        code_use: CodeUse | None = None,
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
        if code_use is not None:
            self.spent.append(code_use)
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
        if stored is None or (stored.refresh.current, stored.generation) != (
            spent,
            session.generation,
        ):
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
        self.gates[user_id] = replace(account_state, generation=account_state.generation + 1)

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
        codes = FakeCodes(self)

        def issue(user_id: str, session_id: str, role: Role) -> str:
            return f"{user_id} {session_id} {role}"

        return SessionService(
            self, self, self.verify, self.rehashed, issue, lambda: self.now, new_id, lambda: codes
        )


class FakeCodes:
    """Codes in memory; one is right."""

    def __init__(self, store: FakeSessionStore) -> None:
        self._store = store

    def guess(self, user_id: str, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        assert user_id == ALICE.id
        return self._store.guess(attempt)

    def use(self, user_id: str, authenticator_id: str, code: str, guess: Guess) -> CodeUse:
        if code != self._store.right_code:
            raise InvalidCode
        guess.is_right = True
        return CodeUse(user_id, authenticator_id, self._store.now, guess.attempt, step=1)


def attempt(
    email: str = "ada@example.com", password: str = PASSWORD, code: str | None = None
) -> SessionCreate:
    payload = {"email": email, "password": password, "code": code}
    return SessionCreate.model_validate(payload, strict=False)


def refresh(lobby: FakeSessionStore, token: str, client: Client = BROWSER) -> Grant:
    payload = AccessTokenCreate.model_validate({"refreshToken": token}, strict=False)
    return lobby.service().refresh(payload, client)
