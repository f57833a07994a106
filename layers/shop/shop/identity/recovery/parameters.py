"""Path parameters of recovery."""

from typing import Annotated

from shop.http.parameters import PathToken

Token = Annotated[str, PathToken()]
