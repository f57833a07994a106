"""Path parameters of authenticators."""

from typing import Annotated

from shop.http.parameters import PathId

AuthenticatorId = Annotated[str, PathId()]
