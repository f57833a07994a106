"""Passkeys and sessions in memory."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime

from shop.caller import Caller, Role
from shop.errors import LoginTooOld, TooManyRequests
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.passkeys.challenges import Challenge, new_challenge
from shop.identity.passkeys.login import PasskeyLoginService
from shop.identity.passkeys.models import Passkey, RelyingParty
from shop.identity.passkeys.rejection import ChallengeSpent
from shop.identity.passkeys.requests import PasskeyCreate, PasskeySessionCreate
from shop.identity.passkeys.service import PasskeyService
from shop.identity.security_notices import Change
from shop.identity.sessions.models import Grant, RefreshDigests, Session
from shop.retries import StaleVersion
from tests.support.fixtures import ALICE, BROWSER, NOON
from tests.support.software_authenticator import ORIGIN, SoftwareAuthenticator

KEY = b"k" * 32
HERE = RelyingParty("localhost", frozenset({ORIGIN}))
ACTIVE = AccountState(ALICE.id, 3, UserStatus.ACTIVE, Role.CUSTOMER)


@dataclass
class FakePasskeyStore:
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    states: dict[str, AccountState] = field(default_factory=lambda: {ALICE.id: ACTIVE})
    sessions: list[Session] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    now: datetime = NOON
    is_recent: bool = True
    is_full: bool = False
    meanwhile: Callable[[], None] = lambda: None  # between read and write

    # Registration

    def require(self, caller: Caller) -> Session:
        if not self.is_recent:
            raise LoginTooOld
        digests = RefreshDigests(b"", b"", b"")
        return Session(caller.id, new_id(), 3, digests, NOON, NOON, NOON, NOON, "", "")

    def registered(self, user_id: str) -> Set[str]:
        return {it.id for it in self.passkeys.values() if it.user_id == user_id}

    def add(self, passkey: Passkey, challenge: Challenge, session: Session) -> None:
        self.meanwhile()
        if passkey.id in self.passkeys:
            raise StaleVersion
        self.spend(challenge)
        assert session.user_id == passkey.user_id
        self.passkeys[passkey.id] = passkey

    def send(self, user_id: str, change: Change, kind: str, reference: str) -> None:
        self.notices.append(f"{user_id} {change} {kind} {reference}")

    # Login

    def find(
        self, user_id: str, passkey_id: str, attempt: RateLimitedRequest
    ) -> tuple[Passkey | None, RateLimitedRequest]:
        found = self.passkeys.get(passkey_id)
        return found if found and found.user_id == user_id else None, attempt

    @contextmanager
    def guess(self, attempt: RateLimitedRequest) -> Iterator[Guess]:
        if self.is_full:
            raise TooManyRequests
        guess = Guess(attempt)
        self.guesses.append(guess)
        yield guess

    def of_user(self, user_id: str) -> tuple[Sequence[Session], AccountState | None]:
        mine = [it for it in self.sessions if it.user_id == user_id]
        return mine, self.states.get(user_id)

    def begin(
        self,
        session: Session,
        used: Passkey,
        before: Passkey,
        challenge: Challenge,
        attempt: RateLimitedRequest,
        ended: Sequence[str],
    ) -> None:
        self.meanwhile()
        if self.passkeys.get(before.id) != before:
            raise StaleVersion
        state = self.states.get(session.user_id)
        if state is None or state.generation != session.generation:
            raise StaleVersion
        self.spend(challenge)
        assert attempt == self.guesses[-1].attempt
        self.passkeys[used.id] = used
        self.sessions.append(session)
        self.ended += ended

    def spend(self, challenge: Challenge) -> None:
        if challenge.id in self.spent:
            raise ChallengeSpent
        self.spent.add(challenge.id)

    # Services and requests

    def challenge(self) -> str:
        return new_challenge(KEY, self.now).text

    def register(
        self, device: SoftwareAuthenticator, caller: Caller = ALICE, challenge: str | None = None
    ) -> Passkey:
        service = PasskeyService(self, self, HERE, lambda: KEY, self, lambda: self.now)
        body = device.register(challenge or self.challenge())
        return service.register(caller, PasskeyCreate.model_validate(body))

    def log_in(
        self, device: SoftwareAuthenticator, user_id: str = ALICE.id, challenge: str | None = None
    ) -> Grant:
        return self.send_login(device.log_in(challenge or self.challenge(), user_id))

    def send_login(self, body: dict[str, str]) -> Grant:
        def issue(user_id: str, session_id: str, role: Role) -> str:
            return f"{user_id} {session_id} {role}"

        service = PasskeyLoginService(
            self, self, self, HERE, lambda: KEY, issue, lambda: self.now, new_id
        )
        return service.log_in(PasskeySessionCreate.model_validate(body), BROWSER)

    def disable(self, user_id: str) -> None:
        self.states[user_id] = replace(self.states[user_id], status=UserStatus.INACTIVE)
