"""GET /oauth/userinfo: claims about the user of an access token."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.userinfo.dependencies import UserInfos
from shop.oauth.userinfo.responses import UserInfo


@endpoint("GET /oauth/userinfo", raises=(NotFound,), scope="openid")
def handler(caller: Caller, infos: UserInfos) -> UserInfo:
    """Get the claims that the token's scopes include (OpenID Connect Core, 5.3)."""
    return UserInfo.of(infos.read(caller))
