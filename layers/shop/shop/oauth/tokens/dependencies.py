"""The services of the token endpoints, created on first use."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Annotated

from shop.clock import now
from shop.config import setting
from shop.depends import Depends
from shop.identity.keys.current_key import current_signing_key
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.grants.repository import GrantRepository
from shop.oauth.issuer import issuer
from shop.oauth.tokens import access_tokens
from shop.oauth.tokens.access_tokens import AppTokenIssuer
from shop.oauth.tokens.inspection import InspectionService
from shop.oauth.tokens.service import TokenService
from shop.oauth.tokens.verification import app_callers, verify_app_token


class TokenSigner:
    """Signs tokens with the current key."""

    def __init__(self, issuer: AppTokenIssuer) -> None:
        self._issuer = issuer
        self._key = current_signing_key()

    def access_token(
        self,
        client_id: str,
        scopes: Sequence[str],
        user_id: str | None = None,
        family_id: str | None = None,
    ) -> str:
        return access_tokens.issue_access_token(
            self._key.get(), self._issuer, client_id, scopes, now(), user_id, family_id
        )

    def id_token(
        self, client_id: str, user_id: str, authenticated_at: datetime, nonce: str | None
    ) -> str:
        return access_tokens.issue_id_token(
            self._key.get(), self._issuer, client_id, user_id, authenticated_at, nonce, now()
        )


def app_token_issuer() -> AppTokenIssuer:
    """Return the issuer; raise `NotFound` while OAuth is off."""
    return AppTokenIssuer(issuer(), setting("TOKEN_AUDIENCE"))


@cache
def token_service() -> TokenService:
    signer = TokenSigner(app_token_issuer())
    return TokenService(OAuthClientRepository(), GrantRepository(), signer, now)


@cache
def inspection_service() -> InspectionService:
    return InspectionService(
        OAuthClientRepository(),
        GrantRepository(),
        verify_app_token,
        app_callers().inspect,
        app_token_issuer(),
        now,
    )


TokenEndpoint = Annotated[TokenService, Depends(token_service)]
TokenInspection = Annotated[InspectionService, Depends(inspection_service)]
