"""Path parameters of OAuth clients."""

from typing import Annotated

from shop.http.parameters import PathId

ClientId = Annotated[str, PathId()]
