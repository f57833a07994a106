"""How a handler says what it takes: markers for its parameters' annotations."""

from collections.abc import Callable
from dataclasses import dataclass

from shop.auth.caller import Caller
from shop.errors import NotFound
from shop.identifiers import is_id


@dataclass(frozen=True)
class PathId:
    """An id in the path. Where `me` is true, the word `me` stands for the caller; where `current`
    is true, the word `current` stands for the caller's session.
    """

    me: bool = False
    current: bool = False

    def read(self, text: str, caller: Caller | None) -> str:
        """Raises `NotFound` for what is no id: no resource has such a path."""
        if self.me and text == "me" and caller is not None:
            return caller.id
        if self.current and text == "current" and caller is not None:
            return caller.session_id
        if not is_id(text):
            raise NotFound
        return text


@dataclass(frozen=True)
class Provide:
    """A service that `factory` puts together on first use."""

    factory: Callable[[], object]
