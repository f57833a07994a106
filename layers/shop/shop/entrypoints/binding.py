"""Parameter binding: every annotation of a handler has one marker, which binds the parameter."""

from collections.abc import Mapping
from functools import partial
from typing import Any  # annotations are types, aliases and metadata

from shop.caller import Caller, Client
from shop.http.parameters import BoundEndpoint, Marker, Reader
from shop.http.request import Request
from shop.idempotency import IdempotentRequest, idempotent_request
from shop.preconditions import Precondition


def marker_of(annotation: Any) -> Marker:
    """Return the marker in the metadata of an annotation, or its type: a body or a query, which
    are their own markers, or a part of the request.
    """
    for marker in getattr(annotation, "__metadata__", ()):
        if isinstance(marker, Marker):
            return marker
    return annotation if isinstance(annotation, Marker) else _MARKERS[annotation]


class _Part:
    """A part of the request."""

    def __init__(self, read: Reader) -> None:
        self.read = read

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return self.read


class _Idempotency:
    """The `Idempotency-Key` header, with the path and the body before it."""

    def bind(self, endpoint: BoundEndpoint, _: str, /) -> Reader:
        name = next(name for name, it in endpoint.parameters.items() if it is endpoint.body)
        return partial(_idempotent_request, endpoint, name)


def _idempotent_request(
    endpoint: BoundEndpoint, name_of_body: str, request: Request
) -> IdempotentRequest | None:
    """Return None for an invalid body, with which the handler is not called."""
    arguments = request.arguments
    key = request.idempotency_key
    body: Any = arguments.get(name_of_body)
    if body is None or request.caller is None:
        return None
    path = endpoint.path.format_map({n: arguments[name] for name, n in endpoint.path_names.items()})
    return idempotent_request(
        request.caller,
        f"{endpoint.method}#{path}",
        key,
        body,
        partial(endpoint.render_created, request=request),
        user_id=str(arguments.get("user_id", request.caller.id)),
    )


_MARKERS: Mapping[Any, Marker] = {
    Caller: _Part(lambda request: request.caller),
    Client: _Part(lambda request: request.client),
    Precondition: _Part(lambda request: request.precondition),
    IdempotentRequest: _Idempotency(),
    Request: _Part(lambda request: request),
}
