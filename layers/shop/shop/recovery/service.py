"""The rules of recovery: links are asked for, mailed, and good for one use within an hour."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from shop.attempts.models import Attempt
from shop.attempts.service import attempt_on, wish
from shop.auth.caller import Caller, Client
from shop.auth.passwords import complaint
from shop.clock import Clock
from shop.errors import Detail, NotFound, ValidationFailed
from shop.identifiers import NewId
from shop.mail.models import RESET_WANTED, VERIFICATION_WANTED
from shop.recovery.models import (
    LIFETIME,
    MOST_FOR_PERSON,
    MOST_FROM_NETWORK,
    Purpose,
    RecoveryToken,
)
from shop.recovery.schemas import PasswordReset, PasswordResetCreate
from shop.recovery.tokens import digest_of, new_token
from shop.retries import retry_stale
from shop.sessions.models import Gate
from shop.users.emails import is_spelling_of
from shop.users.models import Credential, User, UserStatus


class RecoveryStore(Protocol):
    def token(self, digest: str) -> RecoveryToken | None: ...

    def user(self, user_id: str) -> User | None: ...

    def gate(self, user_id: str) -> Gate | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def verify(self, token: RecoveryToken, before: User, after: User) -> None:
        """The user, and the token spent; raises `NotFound` if it was spent, and `StaleVersion`."""

    def reset(
        self,
        token: RecoveryToken,
        before: User,
        after: User,
        old_hash: str,
        new_hash: str,
        forgotten: Attempt,
    ) -> None:
        """The user, the hash, a new epoch, no attempts, and the token spent; raises as `verify`."""


class TokenStore(Protocol):
    def gate(self, user_id: str) -> Gate | None: ...

    def add(self, token: RecoveryToken) -> None: ...


class WishLimit(Protocol):
    def limit(self, attempt: Attempt) -> AbstractContextManager[None]:
        """Counts it, unless it ends in a 503; raises `TooManyRequests`."""


class Wishes(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Has somebody write a mail, soon."""


class RecoveryService:
    def __init__(
        self,
        store: RecoveryStore,
        limit: WishLimit,
        wishes: Wishes,
        hash_password: Callable[[str], str],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._limit = limit
        self._wishes = wishes
        self._hash_password = hash_password
        self._clock = clock
        self._new_id = new_id

    def want_verification(self, caller: Caller, client: Client) -> None:
        """Raises `TooManyRequests`."""
        self._want(VERIFICATION_WANTED, {"userId": caller.id}, caller.id, client)

    def want_reset(self, wanted: PasswordResetCreate, client: Client) -> None:
        """Raises `TooManyRequests`. Does the same for every address: none is looked up here."""
        self._want(RESET_WANTED, {"email": wanted.email}, wanted.email, client)

    def verify(self, text: str) -> None:
        """Raises `NotFound` for a token that is no longer good, or never was."""

        def verify() -> None:
            token, user = self._redeemed(text, Purpose.VERIFICATION)
            self._store.verify(token, user, self._verified(user))

        retry_stale(verify)

    def reset(self, text: str, wanted: PasswordReset, client: Client) -> None:
        """Raises `NotFound`, or `ValidationFailed`, after which the token is as good as before."""
        password = wanted.password.get_secret_value()

        def reset() -> None:
            token, user = self._redeemed(text, Purpose.RESET)
            gate, credential = self._store.gate(user.id), self._store.credential(user.email)
            if gate is None or credential is None or gate.epoch != token.epoch:
                raise NotFound
            wrong = complaint(password, is_spelling_of(password, user.email))
            if wrong is not None:
                raise ValidationFailed(details=[Detail("body.password", *wrong)])
            self._store.reset(
                token,
                user,
                self._verified(user),
                credential.password_hash,
                self._hash_password(password),
                attempt_on(user.email, client.ip_address),
            )

        retry_stale(reset)

    def _want(self, type_: str, data: Mapping[str, str], person: str, client: Client) -> None:
        wanted = wish(type_, person, client.ip_address, MOST_FOR_PERSON, MOST_FROM_NETWORK)
        with self._limit.limit(wanted):
            self._wishes.put(self._new_id(), type_, self._clock(), data)

    def _redeemed(self, text: str, purpose: Purpose) -> tuple[RecoveryToken, User]:
        """Only while the address that read the mail is the user's, and the user may log in."""
        token = self._store.token(digest_of(text))
        if token is None or token.purpose is not purpose or token.expires_at <= self._clock():
            raise NotFound
        user = self._store.user(token.user_id)
        if user is None or user.status is not UserStatus.ACTIVE or user.email != token.email:
            raise NotFound
        return token, user

    def _verified(self, user: User) -> User:
        return replace(
            user, email_verified=True, updated_at=self._clock(), version=user.version + 1
        )


class Links:
    """Makes tokens as their mails are written, so that none waits anywhere to be read."""

    def __init__(self, store: TokenStore, page: str, clock: Clock) -> None:
        self._store = store
        self._page = page
        self._clock = clock

    def make(self, user: User, purpose: Purpose) -> str | None:
        """None if the user is gone or inactive. The token is in the fragment, which browsers keep
        to themselves: no server's log and no Referer has it.
        """
        gate = self._store.gate(user.id)
        # An erased user's gate stays for a day, shut; a token of theirs would hold their address.
        if gate is None or gate.status is not UserStatus.ACTIVE:
            return None
        token = new_token()
        self._store.add(
            RecoveryToken(
                digest=digest_of(token),
                purpose=purpose,
                user_id=user.id,
                email=user.email,
                epoch=gate.epoch,
                expires_at=self._clock() + LIFETIME,
            )
        )
        return f"{self._page}#{purpose}={token}"
