"""The service of codes, created on first use."""

from functools import cache

from shop.clock import now
from shop.email_queue import SqsEmailQueue
from shop.identity.codes.repository import AuthenticatorAppRepository
from shop.identity.codes.secrets import second_factor_secret
from shop.identity.codes.service import CodeService
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.security_notices import SecurityNotices


@cache
def code_service() -> CodeService:
    return CodeService(
        AuthenticatorAppRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        second_factor_secret().derive,
        SecurityNotices(SqsEmailQueue(), now),
        now,
    )
