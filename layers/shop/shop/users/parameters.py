"""Path parameters of users."""

from typing import Annotated

from shop.http.parameters import PathId

UserId = Annotated[str, PathId(me=True)]
