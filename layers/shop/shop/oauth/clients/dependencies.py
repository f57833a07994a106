"""The service of OAuth clients, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.identifiers import new_id
from shop.oauth.clients.repository import OAuthClientRepository
from shop.oauth.clients.service import OAuthClientService
from shop.oauth.issuer import issuer
from shop.oauth.opaque import new_client_secret


@cache
def oauth_client_service() -> OAuthClientService:
    issuer()  # raises `NotFound` while OAuth is off
    return OAuthClientService(OAuthClientRepository(), now, new_id, new_client_secret)


OAuthClients = Annotated[OAuthClientService, Depends(oauth_client_service)]
