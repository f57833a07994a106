"""The rules of logins with a passkey: one signature for one challenge begins one session."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import replace
from typing import TYPE_CHECKING, Protocol

from shop.caller import Client
from shop.clock import Clock
from shop.errors import AccountInactive, InvalidCredentials, TooManyRequests
from shop.identifiers import NewId
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.login_attempts.models import Guess, RateLimitedRequest
from shop.identity.login_attempts.service import login_attempt
from shop.identity.passkeys.ceremonies import Assertion, check_assertion
from shop.identity.passkeys.challenges import Challenge, find_challenge
from shop.identity.passkeys.models import Passkey, RelyingParty
from shop.identity.passkeys.rejection import ChallengeSpent, CounterNotRisen, Rejected
from shop.identity.passkeys.service import passkey_id
from shop.identity.sessions.models import Grant, Session
from shop.identity.sessions.service import IssueAccessToken, new_session, sessions_to_end
from shop.metrics import count
from shop.observability import logger
from shop.retries import retry_stale

if TYPE_CHECKING:
    from shop.identity.passkeys.requests import PasskeySessionCreate


class PasskeyStore(Protocol):
    def find(
        self, user_id: str, passkey_id: str, attempt: RateLimitedRequest
    ) -> tuple[Passkey | None, RateLimitedRequest]:
        """Return the passkey, and the attempt with the stored counts."""

    def spend(self, challenge: Challenge) -> None:
        """Raise `ChallengeSpent` if it is spent already."""

    def begin(
        self,
        session: Session,
        used: Passkey,
        before: Passkey,
        challenge: Challenge,
        attempt: RateLimitedRequest,
        ended: Sequence[str],
    ) -> None:
        """Store the session and the used passkey, spend the challenge, revert the attempt, and
        end sessions by id.

        Raise `ChallengeSpent`, or `StaleVersion` if the passkey or the account state changed.
        """


class SessionStore(Protocol):
    def of_user(self, user_id: str) -> tuple[Sequence[Session], AccountState | None]: ...


class AttemptLimit(Protocol):
    def guess(self, attempt: RateLimitedRequest) -> AbstractContextManager[Guess]:
        """Count it as failed unless it ends in success or a 503; raise `TooManyRequests`."""


class PasskeyLoginService:
    def __init__(
        self,
        passkeys: PasskeyStore,
        sessions: SessionStore,
        attempts: AttemptLimit,
        relying_party: RelyingParty,
        key: Callable[[], bytes],
        issue_access_token: IssueAccessToken,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._passkeys = passkeys
        self._sessions = sessions
        self._attempts = attempts
        self._relying_party = relying_party
        self._key = key
        self._issue_access_token = issue_access_token
        self._clock = clock
        self._new_id = new_id

    def log_in(self, payload: "PasskeySessionCreate", client: Client) -> Grant:
        """Return a new session with its tokens. Four round trips to storage.

        The device verifies the user, so a login needs no code of a second factor.
        Raise `TooManyRequests`, one `InvalidCredentials` for all that is wrong, or, with the right
        signature, `AccountInactive`.
        """
        try:
            grant = self._log_in(payload, client)
        except TooManyRequests:
            count("LogInsThrottled")
            raise
        except InvalidCredentials:
            count("LogInsFailed")
            raise
        count("PasskeyLogIns")
        return grant

    def _log_in(self, payload: "PasskeySessionCreate", client: Client) -> Grant:
        # No signature of another challenge can be right, so these requests are not counted.
        challenge = find_challenge(self._key(), payload.challenge, self._clock())
        if challenge is None:
            raise _rejection("invalid_challenge")
        try:
            user_id, assertion = payload.user_id(), payload.assertion()
        except Rejected as rejected:
            raise _rejection(rejected.code) from None
        id_ = passkey_id(user_id, assertion.credential_id)
        attempt = login_attempt(f"passkey {id_}", client.ip_address)
        passkey, seen = self._passkeys.find(user_id, id_, attempt)
        with self._attempts.guess(seen) as guess:
            is_first_try = True

            def begin() -> Grant:
                nonlocal passkey, is_first_try
                if not is_first_try:
                    passkey, _ = self._passkeys.find(user_id, id_, guess.attempt)
                is_first_try = False
                return self._begin(assertion, passkey, challenge, guess, client)

            return retry_stale(begin)

    def _begin(
        self,
        assertion: Assertion,
        passkey: Passkey | None,
        challenge: Challenge,
        guess: Guess,
        client: Client,
    ) -> Grant:
        """Raise `StaleVersion` if the passkey or the account state changed concurrently."""
        if passkey is None:
            raise _rejection("unknown_passkey")
        used = self._used(assertion, passkey, challenge)
        guess.is_right = True
        sessions, account_state = self._sessions.of_user(passkey.user_id)
        if account_state is None:
            raise _rejection("unknown_user")
        if account_state.status is not UserStatus.ACTIVE:
            raise AccountInactive
        now = self._clock()
        session, refresh_token = new_session(account_state, client, self._new_id(), now)
        # Signed before the session is stored, so that a missing key leaves nothing half done.
        access_token = self._issue_access_token(
            account_state.user_id, session.id, account_state.role
        )
        ended = sessions_to_end(sessions, account_state, now)
        try:
            self._passkeys.begin(session, used, passkey, challenge, guess.attempt, ended)
        except ChallengeSpent:
            raise _rejection("spent_challenge") from None
        return Grant(session, access_token, refresh_token)

    def _used(self, assertion: Assertion, passkey: Passkey, challenge: Challenge) -> Passkey:
        """Return the passkey after this use; raise `InvalidCredentials`."""
        try:
            data = check_assertion(assertion, passkey, challenge.text, self._relying_party)
        except CounterNotRisen:
            self._report_copy(passkey, challenge)
            raise _rejection("counter") from None
        except Rejected as rejected:
            raise _rejection(rejected.code) from None
        return replace(
            passkey,
            counter=data.counter,
            is_backed_up=data.is_backed_up,
            last_used_at=self._clock(),
        )

    def _report_copy(self, passkey: Passkey, challenge: Challenge) -> None:
        """Report a signature of a copy, but not the same signature once more: a client that got no
        response may repeat it.
        """
        try:
            self._passkeys.spend(challenge)
        except ChallengeSpent:
            return
        count("PasskeysCopied")
        logger().warning(
            "passkey counter did not rise", user_id=passkey.user_id, passkey_id=passkey.id
        )


def _rejection(reason: str) -> InvalidCredentials:
    """Return the one error of all that is wrong, and log the reason."""
    logger().info("passkey rejected", reason=reason)
    return InvalidCredentials("This passkey is unknown or not valid here.")
