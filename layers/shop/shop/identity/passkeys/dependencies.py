"""The services of passkeys, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.config import setting
from shop.depends import Depends
from shop.email_queue import SqsEmailQueue
from shop.errors import NotFound
from shop.identifiers import new_id
from shop.identity.codes.secrets import second_factor_secret
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passkeys.login import PasskeyLoginService
from shop.identity.passkeys.models import RelyingParty
from shop.identity.passkeys.repository import PasskeyRepository
from shop.identity.passkeys.service import ChallengeService, PasskeyService
from shop.identity.security_notices import SecurityNotices
from shop.identity.sessions.dependencies import access_token_issuer
from shop.identity.sessions.recent_login import RecentLogin
from shop.identity.sessions.repository import SessionRepository


def relying_party() -> RelyingParty:
    """Return the domain and origins; raise `NotFound` while passkeys are off."""
    domain = setting("PASSKEY_DOMAIN")
    if not domain:
        raise NotFound("Passkeys are off in this deployment.")
    return RelyingParty(domain, frozenset(setting("PASSKEY_ORIGINS").split(",")))


def challenge_key() -> bytes:
    return second_factor_secret().derive("passkey challenges")


@cache
def challenge_service() -> ChallengeService:
    return ChallengeService(relying_party(), challenge_key, now)


@cache
def passkey_service() -> PasskeyService:
    return PasskeyService(
        PasskeyRepository(),
        RecentLogin(SessionRepository(), now),
        relying_party(),
        challenge_key,
        SecurityNotices(SqsEmailQueue(), now),
        now,
    )


@cache
def passkey_login_service() -> PasskeyLoginService:
    return PasskeyLoginService(
        PasskeyRepository(),
        SessionRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        relying_party(),
        challenge_key,
        access_token_issuer(),
        now,
        new_id,
    )


Challenges = Annotated[ChallengeService, Depends(challenge_service)]
Passkeys = Annotated[PasskeyService, Depends(passkey_service)]
PasskeyLogins = Annotated[PasskeyLoginService, Depends(passkey_login_service)]
