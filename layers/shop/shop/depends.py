"""Dependencies of handlers: values that a factory makes on first use."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Depends:
    """A service that `factory` puts together on first use."""

    factory: Callable[[], object]
