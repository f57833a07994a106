"""The authorizer of all access tokens, created on first use."""

from functools import cache

from shop.config import setting
from shop.identity.access_tokens import issuer_of
from shop.identity.authorization.dependencies import session_callers
from shop.identity.authorization.service import AllowedCaller, Authorizer


@cache
def authorizer() -> Authorizer:
    oauth_issuer = setting("OAUTH_ISSUER")  # empty while OAuth is off

    def caller_of(token: str) -> AllowedCaller:
        if oauth_issuer and issuer_of(token) == oauth_issuer:
            # Imported here: a tenth of a cold start, and most tokens are those of sessions.
            from shop.oauth.tokens.verification import app_callers

            return app_callers().find(token)
        return session_callers()(token)

    return Authorizer(caller_of)
