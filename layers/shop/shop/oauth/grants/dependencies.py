"""The service of grants, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.oauth.grants.repository import GrantRepository
from shop.oauth.grants.service import GrantService
from shop.oauth.issuer import issuer


@cache
def grant_service() -> GrantService:
    issuer()  # raises `NotFound` while OAuth is off
    return GrantService(GrantRepository(), now)


Grants = Annotated[GrantService, Depends(grant_service)]
