"""Path parameters of sessions."""

from typing import Annotated

from shop.http.parameters import PathId

SessionId = Annotated[str, PathId(current=True)]
