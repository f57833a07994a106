"""Markers of handler parameters: each binds its parameter to a reader of requests."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Protocol, runtime_checkable

from shop.caller import Caller
from shop.errors import NotFound
from shop.http.request import Request
from shop.http.response import Response
from shop.identifiers import ID_LENGTH, UUID_PATTERN, canonical_id
from shop.tracing import annotate

_TOKEN_LENGTH = 43  # characters: 32 bytes in base64url
_TOKEN_PATTERN = f"[A-Za-z0-9_-]{{{_TOKEN_LENGTH}}}"
_TOKEN = re.compile(_TOKEN_PATTERN)

type Reader = Callable[[Request], object]


class BoundEndpoint(Protocol):
    """The parts of an endpoint that markers use."""

    method: str
    path: str
    path_names: Mapping[str, str]  # the names in the path by the names of the arguments
    parameters: Mapping[str, Any]  # annotations by name

    @property
    def query(self) -> object:
        """The annotation of the query, or None."""

    @property
    def body(self) -> object:
        """The annotation of the body, or None."""

    def render_created(self, created: object, request: Request) -> Response:
        """Return the response that a created resource gives."""


@runtime_checkable
class Marker(Protocol):
    """Metadata of a parameter's annotation that says where its argument comes from."""

    def bind(self, endpoint: BoundEndpoint, name: str, /) -> Reader:
        """Return a reader of the argument `name`. Readers run in the order of the parameters."""


@runtime_checkable
class PathParameter(Marker, Protocol):
    """A parameter in the path."""

    @property
    def pattern(self) -> str:
        """The regular expression of valid values, for the OpenAPI document."""

    @property
    def description(self) -> str: ...

    @property
    def max_length(self) -> int: ...

    def read(self, text: str, caller: Caller | None) -> str:
        """Return the argument; raise `NotFound` for an invalid value: no resource has its path."""


class PathId:
    """An id. With `me`, the word `me` stands for the caller; with `current`, the word `current`
    stands for the caller's session.
    """

    def __init__(self, me: bool = False, current: bool = False) -> None:
        self.me = me
        self.current = current

    @property
    def max_length(self) -> int:
        return ID_LENGTH

    @property
    def pattern(self) -> str:
        words = ["me"] * self.me + ["current"] * self.current
        return f"^({'|'.join([*words, UUID_PATTERN])})$"

    @property
    def description(self) -> str:
        words = ["`me`, the caller"] * self.me + ["`current`, the caller's session"] * self.current
        return " or ".join(["an id", *words])

    def read(self, text: str, caller: Caller | None) -> str:
        if self.me and text == "me" and caller is not None:
            if caller.admin_id is None:
                raise NotFound  # a client that acts for itself is no user
            return caller.id
        if self.current and text == "current" and caller is not None:
            return caller.session_id
        id_ = canonical_id(text)
        if id_ is None:
            raise NotFound
        return id_

    def bind(self, endpoint: BoundEndpoint, name: str, /) -> Reader:
        return partial(_read_traced, self, name, endpoint.path_names[name])


class PathToken:
    """A secret of 32 bytes in base64url. It is not annotated: traces and logs hold the route."""

    pattern = f"^{_TOKEN_PATTERN}$"
    description = "the token of the emailed link"
    max_length = _TOKEN_LENGTH

    def read(self, text: str, caller: Caller | None) -> str:  # noqa: ARG002
        if _TOKEN.fullmatch(text) is None:
            raise NotFound
        return text

    def bind(self, endpoint: BoundEndpoint, name: str, /) -> Reader:
        return partial(_read, self, endpoint.path_names[name])


class PathName:
    """One of a few names."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    @property
    def description(self) -> str:
        return "a name"

    @property
    def pattern(self) -> str:
        # Not by `re.escape`, which also escapes hyphens: JavaScript rejects that.
        return f"^({'|'.join(it.replace('.', r'\.') for it in sorted(self.names))})$"

    @property
    def max_length(self) -> int:
        return max(map(len, self.names))

    def read(self, text: str, caller: Caller | None) -> str:  # noqa: ARG002
        if text not in self.names:
            raise NotFound
        return text

    def bind(self, endpoint: BoundEndpoint, name: str, /) -> Reader:
        return partial(_read_traced, self, name, endpoint.path_names[name])


def _read(parameter: PathParameter, path_name: str, request: Request) -> str:
    return parameter.read(request.path_parameters[path_name], request.caller)


def _read_traced(parameter: PathParameter, name: str, path_name: str, request: Request) -> str:
    value = _read(parameter, path_name, request)
    annotate(**{name: value})
    return value


class PathPrefix:
    """The part of the requested path before the route: a stage or a base path."""

    def bind(self, endpoint: BoundEndpoint, _: str, /) -> Reader:
        # API Gateway also accepts a path with a slash at its end.
        route = endpoint.path.rstrip("/")
        return lambda request: request.path.rstrip("/").removesuffix(route)


Prefix = Annotated[str, PathPrefix()]


class Header:
    """The value of a header, or None."""

    def __init__(self, name: str) -> None:  # in lower case
        self.name = name

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return lambda request: request.headers.get(self.name)


class AcceptsGzip:
    """A flag: true if the client accepts compressed responses."""

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return lambda request: request.accepts_gzip


Gzip = Annotated[bool, AcceptsGzip()]
