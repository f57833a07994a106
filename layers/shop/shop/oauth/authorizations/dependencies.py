"""The service of authorizations, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.config import setting
from shop.depends import Depends
from shop.identifiers import new_id
from shop.oauth.authorizations.page import PasskeyPages
from shop.oauth.authorizations.pages import AuthorizationPageService
from shop.oauth.authorizations.service import AuthorizationService
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants.repository import GrantRepository
from shop.oauth.issuer import issuer


@cache
def authorization_service() -> AuthorizationService:
    return AuthorizationService(GrantRepository(), issuer(), now, new_id)


@cache
def authorization_pages() -> AuthorizationPageService:
    passkeys = PasskeyPages(setting("PASSKEY_DOMAIN"), setting("PASSKEY_ORIGINS"))
    return AuthorizationPageService(
        OAuthClientRepository(), issuer(), setting("AUTHORIZATION_PAGE"), passkeys
    )


Authorizations = Annotated[AuthorizationService, Depends(authorization_service)]
AuthorizationPages = Annotated[AuthorizationPageService, Depends(authorization_pages)]
