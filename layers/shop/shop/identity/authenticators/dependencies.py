"""The service of authenticators, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.email_queue import SqsEmailQueue
from shop.identifiers import new_id
from shop.identity.authenticators.repository import AuthenticatorRepository
from shop.identity.authenticators.service import AuthenticatorService
from shop.identity.codes.dependencies import code_service
from shop.identity.codes.secrets import second_factor_secret
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passwords import verify_password
from shop.identity.security_notices import SecurityNotices
from shop.identity.sessions.recent_login import RecentLogin
from shop.identity.sessions.repository import SessionRepository


@cache
def authenticator_service() -> AuthenticatorService:
    return AuthenticatorService(
        AuthenticatorRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        verify_password,
        code_service(),
        RecentLogin(SessionRepository(), now),
        second_factor_secret().derive,
        SecurityNotices(SqsEmailQueue(), now),
        now,
        new_id,
    )


Authenticators = Annotated[AuthenticatorService, Depends(authenticator_service)]
