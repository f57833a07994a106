"""The rules of recovery: requested links are emailed, and valid once within an hour."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from shop.caller import Caller, Client
from shop.clock import Clock
from shop.email_addresses import is_form_of
from shop.email_queue import RESET_REQUESTED, VERIFICATION_REQUESTED
from shop.errors import Detail, NotFound, ValidationFailed
from shop.identifiers import NewId
from shop.identity.accounts.models import Account, AccountState, Credential, UserStatus
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.login_attempts.service import login_attempt, rate_limited_request
from shop.identity.passwords import password_violation
from shop.identity.recovery.models import (
    LIFETIME,
    MAX_EMAILS_FOR_PERSON,
    MAX_EMAILS_FROM_NETWORK,
    Purpose,
    RecoveryToken,
)
from shop.identity.recovery.tokens import digest_of, new_token
from shop.retries import retry_stale

if TYPE_CHECKING:
    from shop.identity.recovery.requests import PasswordReset, PasswordResetCreate


class RecoveryStore(Protocol):
    def token(self, digest: str) -> RecoveryToken | None: ...

    def account(self, user_id: str) -> Account | None: ...

    def account_state(self, user_id: str) -> AccountState | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def verify(self, token: RecoveryToken, account: Account, at: datetime) -> None:
        """Change the user and consume the token; raise `NotFound` if it is used, `StaleVersion`."""

    def reset(
        self,
        token: RecoveryToken,
        account: Account,
        old_hash: str,
        new_hash: str,
        cleared: RateLimitedRequest,
        at: datetime,
    ) -> None:
        """Change the user and the hash, start a generation, clear attempts; raise as `verify`."""


class TokenStore(Protocol):
    def account_state(self, user_id: str) -> AccountState | None: ...

    def add(self, token: RecoveryToken) -> None: ...


class RequestLimit(Protocol):
    def limit(self, attempt: RateLimitedRequest) -> AbstractContextManager[None]:
        """Count it unless it ends in a 503; raise `TooManyRequests`."""


class EmailQueue(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Request an email."""


class RecoveryService:
    def __init__(
        self,
        store: RecoveryStore,
        limit: RequestLimit,
        queue: EmailQueue,
        hash_password: Callable[[str], str],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._limit = limit
        self._queue = queue
        self._hash_password = hash_password
        self._clock = clock
        self._new_id = new_id

    def request_email_verification(self, caller: Caller, client: Client) -> None:
        """Request the email; raise `TooManyRequests`."""
        self._request(VERIFICATION_REQUESTED, {"userId": caller.id}, caller.id, client)

    def request_password_reset(self, payload: "PasswordResetCreate", client: Client) -> None:
        """Request the email, without a lookup of the address; raise `TooManyRequests`."""
        self._request(RESET_REQUESTED, {"email": payload.email}, payload.email, client)

    def verify(self, text: str) -> None:
        """Verify the email; raise `NotFound` for an invalid, expired or used token."""

        def verify() -> None:
            token, account = self._redeemed(text, Purpose.VERIFICATION)
            self._store.verify(token, account, self._clock())

        retry_stale(verify)

    def reset(self, text: str, payload: "PasswordReset", client: Client) -> None:
        """Set the password; raise `NotFound` or `ValidationFailed`, which keeps the token valid."""
        password = payload.password.get_secret_value()

        def reset() -> None:
            token, account = self._redeemed(text, Purpose.RESET)
            state = self._store.account_state(account.id)
            credential = self._store.credential(account.email)
            if state is None or credential is None or state.generation != token.generation:
                raise NotFound
            violation = password_violation(password, is_form_of(password, account.email))
            if violation is not None:
                raise ValidationFailed(details=[Detail("body.password", *violation)])
            self._store.reset(
                token,
                account,
                credential.password_hash,
                self._hash_password(password),
                login_attempt(account.email, client.ip_address),
                self._clock(),
            )

        retry_stale(reset)

    def _request(self, type_: str, data: Mapping[str, str], person: str, client: Client) -> None:
        attempt = rate_limited_request(
            type_, person, client.ip_address, MAX_EMAILS_FOR_PERSON, MAX_EMAILS_FROM_NETWORK
        )
        with self._limit.limit(attempt):
            self._queue.put(self._new_id(), type_, self._clock(), data)

    def _redeemed(self, text: str, purpose: Purpose) -> tuple[RecoveryToken, Account]:
        """Require an active account whose email is still the one that received the token."""
        token = self._store.token(digest_of(text))
        if token is None or token.purpose is not purpose or token.expires_at <= self._clock():
            raise NotFound
        account = self._store.account(token.user_id)
        if account is None or account.status is not UserStatus.ACTIVE:
            raise NotFound
        if account.email != token.email:
            raise NotFound
        return token, account


class RecoveryLinks:
    """Create tokens when their emails are written, so that no token is stored in a queue."""

    def __init__(self, store: TokenStore, page: str, clock: Clock) -> None:
        self._store = store
        self._page = page
        self._clock = clock

    def make(self, user_id: str, email: str, purpose: Purpose) -> str | None:
        """Return a link; None for a deleted or inactive user.

        The token is in the fragment, which browsers omit from requests and from `Referer`.
        """
        account_state = self._store.account_state(user_id)
        # A deleted user's account state stays for a day, disabled; a token would hold the address.
        if account_state is None or account_state.status is not UserStatus.ACTIVE:
            return None
        token = new_token()
        self._store.add(
            RecoveryToken(
                digest=digest_of(token),
                purpose=purpose,
                user_id=user_id,
                email=email,
                generation=account_state.generation,
                expires_at=self._clock() + LIFETIME,
            )
        )
        return f"{self._page}#{purpose}={token}"
