"""The service of claims, created on first use."""

from functools import cache
from typing import Annotated

from shop.depends import Depends
from shop.oauth.issuer import issuer
from shop.oauth.userinfo.service import UserInfoService
from shop.users.items import find_user


@cache
def user_info_service() -> UserInfoService:
    issuer()  # raises `NotFound` while OAuth is off
    return UserInfoService(find_user)


UserInfos = Annotated[UserInfoService, Depends(user_info_service)]
