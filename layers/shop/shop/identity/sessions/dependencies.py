"""The session service, created on first use."""

from functools import cache
from typing import Annotated

from shop.caller import Role
from shop.clock import now
from shop.depends import Depends
from shop.identifiers import new_id
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passwords import rehashed, verify_password
from shop.identity.sessions.repository import SessionRepository
from shop.identity.sessions.service import Codes, IssueAccessToken, SessionService


@cache
def session_service() -> SessionService:
    return SessionService(
        SessionRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        verify_password,
        rehashed,
        _issue_access_token,
        now,
        new_id,
        _codes,
    )


def _codes() -> Codes:
    # Here, since few log-ins have a code.
    from shop.identity.codes.dependencies import code_service

    return code_service()


def _issue_access_token(user_id: str, session_id: str, role: Role) -> str:
    return access_token_issuer()(user_id, session_id, role)


@cache
def access_token_issuer() -> IssueAccessToken:
    # Here, since only some functions of sessions sign tokens.
    from shop.identity import access_tokens
    from shop.identity.keys.current_key import current_signing_key

    key = current_signing_key()
    issuer = access_tokens.Issuer.from_settings()

    def issue(user_id: str, session_id: str, role: Role) -> str:
        return access_tokens.issue(key.get(), issuer, user_id, session_id, role, now())

    return issue


Sessions = Annotated[SessionService, Depends(session_service)]
