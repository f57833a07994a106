"""Path parameters of orders."""

from typing import Annotated

from shop.http.parameters import PathId

OrderId = Annotated[str, PathId()]
