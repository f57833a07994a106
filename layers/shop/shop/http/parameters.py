"""How a handler says what it takes: markers for its parameters' annotations."""

import re
from dataclasses import dataclass
from typing import Annotated

from shop.caller import Caller
from shop.errors import NotFound
from shop.identifiers import UUID_PATTERN, canonical_id

_TOKEN_PATTERN = "[A-Za-z0-9_-]{43}"
_TOKEN = re.compile(_TOKEN_PATTERN)


@dataclass(frozen=True)
class PathId:
    """An id in the path. Where `me` is true, the word `me` stands for the caller; where `current`
    is true, the word `current` stands for the caller's session.
    """

    me: bool = False
    current: bool = False

    @property
    def pattern(self) -> str:
        """What is read; everything else is not found."""
        words = ["me"] * self.me + ["current"] * self.current
        return f"^({'|'.join([*words, UUID_PATTERN])})$"

    def read(self, text: str, caller: Caller | None) -> str:
        """Raises `NotFound` for what is no id: no resource has such a path."""
        if self.me and text == "me" and caller is not None:
            return caller.id
        if self.current and text == "current" and caller is not None:
            return caller.session_id
        id_ = canonical_id(text)
        if id_ is None:
            raise NotFound
        return id_


@dataclass(frozen=True)
class PathToken(PathId):
    """A secret in the path: 32 bytes in base64url. It is in no log line, which has the route."""

    @property
    def pattern(self) -> str:
        return f"^{_TOKEN_PATTERN}$"

    def read(self, text: str, caller: Caller | None) -> str:  # noqa: ARG002
        """Raises `NotFound` for what is none, before anything is looked up."""
        if _TOKEN.fullmatch(text) is None:
            raise NotFound
        return text


@dataclass(frozen=True)
class PathName(PathId):
    """One of a few names."""

    names: frozenset[str] = frozenset()

    def read(self, text: str, caller: Caller | None) -> str:  # noqa: ARG002
        """Raises `NotFound` for every other."""
        if text not in self.names:
            raise NotFound
        return text


@dataclass(frozen=True)
class PathPrefix:
    """What stands before the route in the path that was asked for: a stage, or a base path."""


Prefix = Annotated[str, PathPrefix()]


@dataclass(frozen=True)
class TakesGzip:
    """Whether the client takes answers that are compressed."""


Gzip = Annotated[bool, TakesGzip()]
