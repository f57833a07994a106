"""The rules of sessions: logins verify the password, and a refresh token is valid once."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from copy import replace
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Protocol

from shop.caller import Caller, Client, Role
from shop.clock import Clock
from shop.email_addresses import canonical_email
from shop.errors import (
    AccountInactive,
    CodeRequired,
    InvalidCredentials,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from shop.identifiers import NewId
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.login_attempts.service import code_attempt, login_attempt
from shop.identity.sessions.models import (
    ABSOLUTE_LIFETIME,
    IDLE_LIFETIME,
    MAX_SESSIONS,
    Grant,
    Session,
)
from shop.identity.sessions.refresh_tokens import RefreshToken, new_salt
from shop.metrics import count
from shop.observability import logger
from shop.retries import StaleVersion, retry_stale

if TYPE_CHECKING:
    from shop.identity.codes.models import CodeUse
    from shop.identity.sessions.requests import AccessTokenCreate, SessionCreate

_MAX_ENDED = 90  # by one login, of the 100 actions of a transaction


class SessionStore(Protocol):
    def find_credential(
        self, email: str, attempt: RateLimitedRequest
    ) -> tuple[Credential | None, RateLimitedRequest]:
        """Return the credential, and the attempt with the stored counts."""

    def of_user(self, user_id: str) -> tuple[Sequence[Session], AccountState | None]:
        """Return all sessions of a user, newest first, expired ones too; and the account state."""

    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]: ...

    def begin(
        self,
        session: Session,
        email: str,
        password_hash: str,
        new_hash: str | None,
        attempt: RateLimitedRequest,
        ended: Sequence[str] = (),
        code_use: "CodeUse | None" = None,
    ) -> bool:
        """Store the session and the new hash, if any, revert the attempt, end sessions by id, and
        spend the code.

        Return False, without changes, if the hash or the account state has changed, or the code is
        spent.
        """

    def rotate(self, session: Session, spent: bytes) -> Session | None:
        """Store a refresh if `spent` is still the current digest in the same generation.

        Return the stored session, also that of a concurrent refresh; None if it ended.
        """

    def end(self, user_id: str, session_id: str, family: bytes | None = None) -> bool:
        """End a session, of this family if given; return whether it existed."""

    def end_all(self, user_id: str) -> None: ...


class AttemptLimit(Protocol):
    def guess(self, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count it as failed unless it ends in success or a 503; raise `TooManyRequests`."""


class Codes(Protocol):
    """The codes of second factors."""

    def guess(self, user_id: str, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count a guess of a code, as `AttemptLimit` does."""

    def use(self, user_id: str, authenticator_id: str, code: str, guess: Guess) -> "CodeUse":
        """Return the use of a right code; raise `InvalidCode`."""


class IssueAccessToken(Protocol):
    def __call__(self, user_id: str, session_id: str, role: Role) -> str: ...


class SessionService:
    def __init__(
        self,
        sessions: SessionStore,
        attempts: AttemptLimit,
        verify_password: Callable[[str, Credential | None], bool],
        rehashed: Callable[[str, str], str | None],
        issue_access_token: IssueAccessToken,
        clock: Clock,
        new_id: NewId,
        codes: Callable[[], Codes],
    ) -> None:
        self._sessions = sessions
        self._attempts = attempts
        self._verify_password = verify_password
        self._rehashed = rehashed
        self._issue_access_token = issue_access_token
        self._clock = clock
        self._new_id = new_id
        self._codes = codes

    def log_in(self, payload: "SessionCreate", client: Client) -> Grant:
        """Return a new session with its tokens. Four round trips to storage.

        Raise `TooManyRequests`, `InvalidCredentials`, or, with the right password,
        `AccountInactive`, `CodeRequired` or `InvalidCode`.
        """
        try:
            return self._log_in(payload, client)
        except TooManyRequests:
            count("LogInsThrottled")
            raise
        except InvalidCredentials:
            count("LogInsFailed")
            raise

    def _log_in(self, payload: "SessionCreate", client: Client) -> Grant:
        email = _canonical_or_digest(payload.email)
        password = payload.password.get_secret_value()
        seen = login_attempt(email, client.ip_address)
        credential, seen = self._sessions.find_credential(email, seen)
        with self._attempts.guess(seen) as guess, ExitStack() as code_guesses:
            is_first_try = True
            code_guess: Guess | None = None

            def use_code(account_state: AccountState) -> "CodeUse | None":
                nonlocal code_guess
                if account_state.second_factor is None:
                    return None
                guess.needs_code = True
                if payload.code is None:
                    raise CodeRequired
                codes = self._codes()
                user_id, code = account_state.user_id, payload.code.get_secret_value()
                if code_guess is None:
                    attempt = code_attempt(user_id, client.ip_address)
                    code_guess = code_guesses.enter_context(codes.guess(user_id, attempt))
                return codes.use(user_id, account_state.second_factor, code, code_guess)

            def begin() -> Grant:
                nonlocal credential, is_first_try
                if not is_first_try:
                    # A concurrent login may have replaced the hash: the password may be right.
                    credential, _ = self._sessions.find_credential(email, guess.attempt)
                is_first_try = guess.needs_code = False
                return self._begin(email, password, credential, guess, use_code, client)

            return retry_stale(begin)

    def _begin(
        self,
        email: str,
        password: str,
        credential: Credential | None,
        guess: Guess,
        use_code: "Callable[[AccountState], CodeUse | None]",
        client: Client,
    ) -> Grant:
        """Raise `StaleVersion` if the credential, the account state or the code changed."""
        if not self._verify_password(password, credential) or credential is None:
            raise InvalidCredentials
        guess.is_right = True
        sessions, account_state = self._sessions.of_user(credential.user_id)
        if account_state is None:
            raise InvalidCredentials
        if account_state.status is not UserStatus.ACTIVE:
            raise AccountInactive
        code_use = use_code(account_state)
        session, refresh_token = new_session(account_state, client, self._new_id(), self._clock())
        # Signed before the session is stored, so that a missing key leaves nothing half done.
        access_token = self._issue_access_token(
            account_state.user_id, session.id, account_state.role
        )
        ended = sessions_to_end(sessions, account_state, session.created_at)
        old_hash = credential.password_hash
        new_hash = self._rehashed(password, old_hash)
        if not self._sessions.begin(
            session, email, old_hash, new_hash, guess.attempt, ended, code_use
        ):
            raise StaleVersion
        return Grant(session, access_token, refresh_token)

    def refresh(self, payload: "AccessTokenCreate", client: Client) -> Grant:
        """Return new tokens for a refresh token that is unused, or was used within the last 30 s.

        Raise `Unauthorized` for any other. A token that was used earlier is stolen or copied, so
        its session ends. An invented token ends nothing, since it lacks the family.
        """
        token = _parsed(payload)
        return retry_stale(lambda: self._refresh(token, client))

    def _refresh(self, token: RefreshToken, client: Client) -> Grant:
        session, account_state = self._sessions.with_account_state(token.user_id, token.session_id)
        now = self._clock()
        if account_state is None or session is None or not session.is_live(account_state, now):
            raise _rejection()
        if not compare_digest(session.refresh.family, token.family_digest):
            raise _rejection()
        spent = token.secret_digest
        if session.refresh.is_current(spent):
            session = self._sessions.rotate(_rotated(session, token, client, now), spent)
        if session is None:
            raise _rejection()
        if session.generation != account_state.generation:
            # A password change has moved the session to the next generation since it was read.
            raise StaleVersion
        if not session.refresh.was_just_spent(spent, now):
            self._sessions.end(session.user_id, session.id, token.family_digest)
            count("RefreshReuse")
            logger().warning(
                "refresh token reused", user_id=account_state.user_id, session_id=session.id
            )
            raise _rejection()
        # Concurrent refreshes compute the same successor from the same row. If signing fails, a
        # retry within the grace period returns it again.
        successor = token.successor(session.refresh.salt)
        access_token = self._issue_access_token(
            account_state.user_id, session.id, account_state.role
        )
        return Grant(session, access_token, successor.text)

    def list_active(self, caller: Caller) -> Sequence[Session]:
        """Return the caller's sessions, newest first; concurrent logins may exceed the limit."""
        sessions, account_state = self._sessions.of_user(caller.id)
        now = self._clock()
        return [session for session in sessions if session.is_live(account_state, now)][
            :MAX_SESSIONS
        ]

    def end(self, caller: Caller, session_id: str) -> None:
        if not self._sessions.end(caller.id, session_id):
            raise NotFound

    def end_all(self, caller: Caller) -> None:
        self._sessions.end_all(caller.id)


def new_session(
    account_state: AccountState, client: Client, session_id: str, now: datetime
) -> tuple[Session, str]:
    """Return a session that begins now, and its refresh token."""
    refresh_token = RefreshToken.new(account_state.user_id, session_id)
    session = Session(
        user_id=account_state.user_id,
        id=session_id,
        generation=account_state.generation,
        refresh=refresh_token.digests(),
        created_at=now,
        last_used_at=now,
        idle_expires_at=now + IDLE_LIFETIME,
        absolute_expires_at=now + ABSOLUTE_LIFETIME,
        user_agent=client.user_agent,
        ip_address=client.ip_address,
    )
    return session, refresh_token.text


def _parsed(payload: "AccessTokenCreate") -> RefreshToken:
    try:
        return RefreshToken.parse(payload.refresh_token.get_secret_value())
    except ValueError:
        raise _rejection() from None


def _rejection() -> Unauthorized:
    return Unauthorized("A valid refresh token is required.")


def _rotated(session: Session, token: RefreshToken, client: Client, now: datetime) -> Session:
    salt = new_salt()
    digests = replace(
        session.refresh,
        current=token.successor(salt).secret_digest,
        salt=salt,
        previous=session.refresh.current,
        rotated_at=now,
    )
    return replace(
        session,
        refresh=digests,
        last_used_at=now,
        idle_expires_at=now + IDLE_LIFETIME,
        user_agent=client.user_agent,
        ip_address=client.ip_address,
    )


def sessions_to_end(
    sessions: Sequence[Session], account_state: AccountState, now: datetime
) -> Sequence[str]:
    """Return the ids of inactive sessions, and of the oldest active ones above the limit."""
    active = [session for session in sessions if session.is_live(account_state, now)]
    kept = {session.id for session in active[: MAX_SESSIONS - 1]}
    return [session.id for session in sessions if session.id not in kept][-_MAX_ENDED:]


def _canonical_or_digest(email: str) -> str:
    """Return the canonical email; a digest for an invalid one, so that it takes as long."""
    try:
        return canonical_email(email)
    except ValueError:
        # A key per text, so that typing errors do not share one rate limit.
        return f"no address {hashlib.sha256(email.encode()).hexdigest()}"
