"""Dependencies of handlers: services that a factory creates on first use."""

from collections.abc import Callable
from typing import NamedTuple


class Depends(NamedTuple):
    """A service that `factory` returns."""

    factory: Callable[[], object]

    def bind(self, _endpoint: object, _: str, /) -> Callable[[object], object]:
        return lambda _: self.factory()
