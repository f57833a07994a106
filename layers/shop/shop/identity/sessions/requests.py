"""Request bodies of sessions and tokens."""

from typing import Annotated

from pydantic import SecretStr

from shop.http.request_models import MAX_TEXT, Body
from shop.identity.sessions.responses import REFRESH_EXAMPLE
from shop.json_schema import JsonSchema


class SessionCreate(Body):
    """Any text, so that wrong credentials always get a 401."""

    email: Annotated[str, JsonSchema(maxLength=MAX_TEXT, examples=["ada@example.com"])]
    password: Annotated[
        SecretStr, JsonSchema(maxLength=MAX_TEXT, examples=["correct horse battery staple"])
    ]
    code: Annotated[
        SecretStr | None,
        JsonSchema(
            maxLength=MAX_TEXT,
            description="of the authenticator app, or a recovery code, if a second factor is on",
            examples=["123456"],
        ),
    ] = None


class AccessTokenCreate(Body):
    """Any text, so that an invalid token is rejected like an expired one."""

    refresh_token: Annotated[SecretStr, JsonSchema(maxLength=MAX_TEXT, examples=[REFRESH_EXAMPLE])]
