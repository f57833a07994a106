"""The rules of sessions: a log-in proves the password and never outlives its change."""

from collections.abc import Callable
from typing import Protocol

from shop.auth.caller import Client, Role
from shop.clock import Clock
from shop.errors import AccountInactive, InvalidCredentials
from shop.identifiers import NewId
from shop.observability import logger
from shop.sessions.models import ABSOLUTE_LIFETIME, IDLE_LIFETIME, Gate, Grant, Session
from shop.sessions.refresh_tokens import new_refresh_token
from shop.sessions.schemas import SessionCreate
from shop.users.emails import normalised
from shop.users.models import Credential, UserStatus


class SessionStore(Protocol):
    def credential(self, email: str) -> Credential | None: ...

    def gate(self, user_id: str) -> Gate | None: ...

    def begin(self, session: Session, email: str, password_hash: str) -> bool:
        """Stores the session if hash and gate are still as they were read; else False."""


class IssueAccessToken(Protocol):
    def __call__(self, user_id: str, session_id: str, role: Role) -> str: ...


class SessionService:
    def __init__(
        self,
        sessions: SessionStore,
        password_matches: Callable[[str, str | None], bool],
        issue_access_token: IssueAccessToken,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._sessions = sessions
        self._password_matches = password_matches
        self._issue_access_token = issue_access_token
        self._clock = clock
        self._new_id = new_id

    def log_in(self, wanted: SessionCreate, client: Client) -> Grant:
        """Raises `InvalidCredentials`, or `AccountInactive` to whoever has the right password."""
        email = _spelling_of(wanted.email)
        credential = self._sessions.credential(email)
        if not self._proves(wanted.password.get_secret_value(), credential) or credential is None:
            raise InvalidCredentials
        gate = self._sessions.gate(credential.user_id)
        if gate is None:
            raise InvalidCredentials
        if gate.status is not UserStatus.ACTIVE:
            raise AccountInactive
        session, refresh_token = self._new_session(gate, client)
        # Signed before the session is stored: without a key nothing may be half done.
        access_token = self._issue_access_token(gate.user_id, session.id, gate.role)
        if not self._sessions.begin(session, email, credential.password_hash):
            raise InvalidCredentials
        return Grant(session, access_token, refresh_token)

    def _proves(self, password: str, credential: Credential | None) -> bool:
        if credential is None:
            return self._password_matches(password, None)
        try:
            return self._password_matches(password, credential.password_hash)
        except ValueError:
            logger().error("malformed password hash", user_id=credential.user_id)
            return False

    def _new_session(self, gate: Gate, client: Client) -> tuple[Session, str]:
        now = self._clock()
        session_id = self._new_id()
        refresh_token, digests = new_refresh_token(gate.user_id, session_id)
        session = Session(
            user_id=gate.user_id,
            id=session_id,
            epoch=gate.epoch,
            refresh=digests,
            created_at=now,
            last_used_at=now,
            idle_expires_at=now + IDLE_LIFETIME,
            absolute_expires_at=now + ABSOLUTE_LIFETIME,
            user_agent=client.user_agent,
            ip_address=client.ip_address,
        )
        return session, refresh_token


def _spelling_of(email: str) -> str:
    """What is no address is nobody's, and costs what others cost."""
    try:
        return normalised(email)
    except ValueError:
        return "no address"
