"""The rules of authenticators: an app is enrolled with the password, and confirmed by a code."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Protocol

from shop.caller import Caller, Client
from shop.clock import Clock, to_text
from shop.errors import (
    AuthenticatorExists,
    InvalidCredentials,
    NotFound,
    Unauthorized,
)
from shop.identifiers import NewId
from shop.identity.accounts.models import Account, AccountState, Credential
from shop.identity.authenticators.models import (
    ENROLMENT_LIFETIME,
    Authenticator,
    Enrolment,
    Kind,
)
from shop.identity.codes import totp
from shop.identity.codes.models import AuthenticatorApp, CodeUse
from shop.identity.codes.recovery_codes import digest_of, new_codes
from shop.identity.codes.secrets import Derive, app_secret, recovery_key
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.login_attempts.service import code_attempt, login_attempt
from shop.identity.security_notices import Change, SecurityNotices
from shop.identity.sessions.models import Session
from shop.retries import StaleVersion, retry_stale

if TYPE_CHECKING:
    from pydantic import SecretStr

    from shop.identity.authenticators.requests import (
        AuthenticatorConfirm,
        AuthenticatorCreate,
        RecoveryCodesReplace,
    )

_SALT_BYTES = 16


class AuthenticatorStore(Protocol):
    def list(self, user_id: str) -> Sequence[Authenticator]:
        """Return the authenticators, oldest first, without enrolments."""

    def enrolments(self, user_id: str) -> Sequence[str]:
        """Return the ids of apps that are not confirmed."""

    def account(self, user_id: str) -> Account | None: ...

    def credential(self, email: str) -> Credential | None: ...

    def app(self, user_id: str, authenticator_id: str) -> AuthenticatorApp | None: ...

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]: ...

    def add(
        self, app: AuthenticatorApp, replaced: Sequence[str], attempt: RateLimitedRequest
    ) -> None:
        """Store an enrolment in place of earlier ones, and uncount the guess of the password.

        Raise `StaleVersion` if the account was disabled or got a second factor.
        """

    def confirm(
        self, use: CodeUse, session_id: str, generation: int, digests: frozenset[str]
    ) -> None:
        """Activate an app, turn the second factor on, and end all other sessions.

        Raise `StaleVersion` if the enrolment, the session or the account changed.
        """

    def replace_recovery_codes(
        self, use: CodeUse, generation: int, digests: frozenset[str]
    ) -> None:
        """Spend the code, and replace all recovery codes.

        Raise `StaleVersion` if the code is spent, or the sessions or the account changed.
        """

    def delete(self, authenticator: Authenticator) -> bool:
        """Return whether this request deleted it; with the app, the second factor is off."""

    def reset(self, user_id: str) -> int:
        """Delete all authenticators, turn the second factor off, and return their number."""


class GuessLimit(Protocol):
    def guess(self, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count it as failed unless it ends in success or a 503; raise `TooManyRequests`."""


class Codes(Protocol):
    def guess(self, user_id: str, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count a guess of a code; raise `TooManyRequests`."""

    def use_of(self, app: AuthenticatorApp, code: str, guess: Guess) -> CodeUse:
        """Return the use of a right code; raise `InvalidCode`."""


class LoginAge(Protocol):
    def require(self, caller: Caller) -> Session:
        """Return the session; raise `LoginTooOld`, or `Unauthorized` for an ended session."""


class AuthenticatorService:
    """Changes request the email to the owner first: none is committed without it."""

    def __init__(
        self,
        store: AuthenticatorStore,
        guesses: GuessLimit,
        verify_password: Callable[[str, Credential | None], bool],
        codes: Codes,
        login_age: LoginAge,
        derive: Derive,
        notices: SecurityNotices,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._store = store
        self._guesses = guesses
        self._verify_password = verify_password
        self._codes = codes
        self._login_age = login_age
        self._derive = derive
        self._notices = notices
        self._clock = clock
        self._new_id = new_id

    def list(self, caller: Caller) -> Sequence[Authenticator]:
        caller = caller.within(None, None)  # closed to third-party apps
        return self._store.list(caller.id)

    def enrol(self, caller: Caller, payload: "AuthenticatorCreate", client: Client) -> Enrolment:
        """Return a new app with its secret, in place of an earlier one without a code.

        A repetition is safe: it replaces the app that the lost response had. Raise
        `AuthenticatorExists`, `InvalidCredentials`, `TooManyRequests`.
        """
        caller = caller.within(None, None)
        with ExitStack() as guesses:
            guess: Guess | None = None

            def enrol() -> Enrolment:
                nonlocal guess
                self._session_without_app(caller)
                account = self._account(caller)
                if guess is None:
                    attempt = login_attempt(account.email, client.ip_address)
                    guess = guesses.enter_context(self._guesses.guess(attempt))
                self._verify(account, payload.current_password, guess)
                app = self._new_app(caller.id, payload.name)
                self._store.add(app, self._store.enrolments(caller.id), guess.attempt)
                return self._enrolment(app, account.email)

            return retry_stale(enrol)

    def confirm(
        self, caller: Caller, authenticator_id: str, payload: "AuthenticatorConfirm", client: Client
    ) -> Sequence[str]:
        """Turn the second factor on, end all other sessions, and return recovery codes.

        Raise `NotFound` for an expired enrolment, `AuthenticatorExists` for a confirmed one,
        `InvalidCode`, `TooManyRequests`.
        """
        caller = caller.within(None, None)
        code = payload.code.get_secret_value()
        with ExitStack() as guesses:
            guess: Guess | None = None

            def confirm() -> Sequence[str]:
                nonlocal guess
                app = self._enrolled(caller, authenticator_id)
                session = self._session_without_app(caller)
                if guess is None:
                    # The caller knows the secret, so a wrong code is no alarm for the owner.
                    attempt = code_attempt(authenticator_id, client.ip_address)
                    guess = guesses.enter_context(self._guesses.guess(attempt))
                use = self._codes.use_of(app, code, guess)
                codes, digests = self._new_codes(caller.id)
                self._notices.send(caller.id, Change.ADDED, Kind.TOTP, authenticator_id)
                self._store.confirm(use, caller.session_id, session.generation, digests)
                return codes

            return retry_stale(confirm)

    def replace_recovery_codes(
        self, caller: Caller, payload: "RecoveryCodesReplace", client: Client
    ) -> Sequence[str]:
        """Return new recovery codes; the old ones end. Raise `NotFound` without an app,
        `Unauthorized` for an ended session, `InvalidCode`, `TooManyRequests`.
        """
        caller = caller.within(None, None)
        code = payload.code.get_secret_value()
        with ExitStack() as guesses:
            guess: Guess | None = None

            def replace() -> Sequence[str]:
                nonlocal guess
                session, account_state = self._live_session(caller)
                app = self._active_app(account_state)
                if guess is None:
                    attempt = code_attempt(caller.id, client.ip_address)
                    guess = guesses.enter_context(self._codes.guess(caller.id, attempt))
                use = self._codes.use_of(app, code, guess)
                codes, digests = self._new_codes(caller.id)
                reference = f"{use.authenticator_id} {use.step or use.recovery_digest}"
                self._notices.send(caller.id, Change.CODES_REPLACED, Kind.TOTP, reference)
                self._store.replace_recovery_codes(use, session.generation, digests)
                return codes

            return retry_stale(replace)

    def delete(self, caller: Caller, authenticator_id: str) -> None:
        """Delete an app or a passkey; raise `LoginTooOld`, `NotFound`."""
        caller = caller.within(None, None)
        self._login_age.require(caller)
        listed = self._store.list(caller.id)
        found = next((it for it in listed if it.id == authenticator_id), None)
        if found is None:
            raise NotFound
        # A passkey that is added again has the same id.
        reference = f"{authenticator_id} {to_text(found.created_at)}"
        self._notices.send(caller.id, Change.REMOVED, found.kind, reference)
        if not self._store.delete(found):
            raise NotFound

    def reset(self, user_id: str) -> int:
        """Delete all authenticators for an operator, and return their number.

        IAM has authorized the call, so no role is checked.
        """
        listed = self._store.list(user_id)
        if listed:
            ids = " ".join(it.id for it in listed)
            self._notices.send(user_id, Change.RESET, Kind.TOTP, ids)
        return self._store.reset(user_id)

    def _session_without_app(self, caller: Caller) -> Session:
        """Return the caller's session; raise `AuthenticatorExists`, `Unauthorized`."""
        session, account_state = self._live_session(caller)
        if account_state.second_factor is not None:
            raise AuthenticatorExists
        return session

    def _live_session(self, caller: Caller) -> tuple[Session, AccountState]:
        """Raise `Unauthorized` for an ended session, which the cached result of the authorizer
        admits for 50 s.
        """
        session, account_state = self._store.with_account_state(caller.id, caller.session_id)
        if session is None or account_state is None:
            raise Unauthorized
        if not session.is_live(account_state, self._clock()):
            raise Unauthorized
        return session, account_state

    def _account(self, caller: Caller) -> Account:
        account = self._store.account(caller.id)
        if account is None:
            raise Unauthorized  # deleted; the authorizer's result is cached for 50 s
        return account

    def _verify(self, account: Account, password: "SecretStr", guess: Guess) -> None:
        credential = self._store.credential(account.email)
        if credential is None or credential.user_id != account.id:
            raise StaleVersion  # the email changed
        if not self._verify_password(password.get_secret_value(), credential):
            raise InvalidCredentials("The current password is wrong.")
        guess.is_right = True

    def _new_app(self, user_id: str, name: str) -> AuthenticatorApp:
        now = self._clock()
        return AuthenticatorApp(
            user_id=user_id,
            id=self._new_id(),
            name=name,
            salt=secrets.token_bytes(_SALT_BYTES),
            created_at=now,
            expires_at=now + ENROLMENT_LIFETIME,
        )

    def _enrolment(self, app: AuthenticatorApp, email: str) -> Enrolment:
        secret = app_secret(self._derive, app)
        return Enrolment(
            id=app.id,
            name=app.name,
            secret=totp.secret_text(secret),
            uri=totp.uri_of(secret, email),
            expires_at=app.created_at + ENROLMENT_LIFETIME,
        )

    def _enrolled(self, caller: Caller, authenticator_id: str) -> AuthenticatorApp:
        app = self._store.app(caller.id, authenticator_id)
        if app is None:
            raise NotFound
        if app.expires_at is None:
            raise AuthenticatorExists("This authenticator app is confirmed already.")
        if app.expires_at <= self._clock():
            raise NotFound
        return app

    def _active_app(self, account_state: AccountState) -> AuthenticatorApp:
        if account_state.second_factor is None:
            raise NotFound
        app = self._store.app(account_state.user_id, account_state.second_factor)
        if app is None or not app.is_active:
            raise NotFound
        return app

    def _new_codes(self, user_id: str) -> tuple[Sequence[str], frozenset[str]]:
        codes = new_codes()
        key = recovery_key(self._derive, user_id)
        return codes, frozenset(digest_of(key, code) for code in codes)
