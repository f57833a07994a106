"""The rule that sensitive changes need a recent log-in."""

from datetime import timedelta
from typing import Protocol

from shop.caller import Caller
from shop.clock import Clock
from shop.errors import LoginTooOld, Unauthorized
from shop.identity.accounts.models import AccountState
from shop.identity.sessions.models import Session

MAX_LOGIN_AGE = timedelta(minutes=10)


class CurrentSession(Protocol):
    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]: ...


class RecentLogin:
    def __init__(self, sessions: CurrentSession, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def require(self, caller: Caller) -> Session:
        """Return the session; raise `LoginTooOld` if it began earlier than `MAX_LOGIN_AGE` ago.

        A refresh does not begin a session. Raise `Unauthorized` for an ended one, which the cached
        result of the authorizer admits for 50 s. 2 read units.
        """
        session, account_state = self._sessions.with_account_state(caller.id, caller.session_id)
        now = self._clock()
        if session is None or not session.is_live(account_state, now):
            raise Unauthorized
        if now - session.created_at > MAX_LOGIN_AGE:
            raise LoginTooOld
        return session
