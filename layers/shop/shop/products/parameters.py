"""Path parameters of products."""

from typing import Annotated

from shop.http.parameters import PathId

ProductId = Annotated[str, PathId()]
