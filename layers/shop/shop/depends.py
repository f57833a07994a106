"""Dependencies of handlers: services that a factory creates on first use."""

from collections.abc import Callable


class Depends:
    """A service that `factory` returns."""

    def __init__(self, factory: Callable[[], object]) -> None:
        self.factory = factory

    def bind(self, _endpoint: object, _: str, /) -> Callable[[object], object]:
        return lambda _: self.factory()
