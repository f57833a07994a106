"""The HTTP edge of a function: one decorator that declares a route and keeps its promises.

API Gateway has matched the route already, so there is no router here: the event goes through
pydantic into the handler's parameters, and the handler's reply through pydantic into the answer.
Powertools' resolver would cost 82 ms of cold start and 50 to 90 microseconds a request.
"""

import hashlib
import inspect
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any  # events, and handlers' parameters, are of many types

from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from shop import metrics
from shop.caller import Caller, Client, Role
from shop.clock import now
from shop.correlation import correlation_id
from shop.deadline import TO_ANSWER, OutOfTime, deadline
from shop.depends import Depends
from shop.errors import (
    BadRequest,
    Detail,
    Forbidden,
    InternalError,
    PayloadTooLarge,
    ServiceUnavailable,
    ShopError,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
    ValidationFailed,
)
from shop.http.access import Access
from shop.http.parameters import PathId, PathPrefix, PathToken, TakesGzip
from shop.http.rendering import as_shop_error, error_answer, to_gateway
from shop.http.request import Request
from shop.http.response import Response
from shop.http.response_models import Resource, ResponseModel
from shop.http.validation import read_body, read_query, unknown_parameters
from shop.idempotency import IdempotentRequest, Replayed
from shop.identifiers import canonical_id
from shop.observability import audit, logger
from shop.preconditions import Precondition
from shop.schemas import Body, Query
from shop.tracing import annotate, traced

type Handler = Callable[..., ResponseModel | None]


def endpoint(
    route: str,
    *,
    status: int = 200,
    raises: tuple[type[ShopError], ...] = (),
    cache_control: str | None = None,
    is_page: bool = False,
) -> Callable[[Handler], "Endpoint"]:
    """Declare a handler for `METHOD /path`, spelled as in the template and in OpenAPI.

    Annotations bind the parameters of the handler: path ids (`PathId`), one `Body`, one `Query`,
    the `Caller` (any token, or an `Access` rule such as `AdminCaller`), the `Client`, a
    `Precondition` (If-Match), an `IdempotentRequest` (Idempotency-Key), the `Prefix` before the
    route, `Gzip`, and services (`Depends`). It returns its `ResponseModel`, or None for 204.
    `raises` names the errors of its own rules; errors of every endpoint are implied. A page
    or probe (`is_page`) also serves HEAD, without a body, and ignores query parameters.
    """
    return lambda function: Endpoint(route, function, status, raises, cache_control, is_page)


class Endpoint:
    """A Lambda handler that knows its route."""

    def __init__(
        self,
        route: str,
        function: Handler,
        status: int,
        raises: tuple[type[ShopError], ...],
        cache_control: str | None,
        is_page: bool,
    ) -> None:
        signature = inspect.signature(function)
        self.route = route
        self.method, self.path = route.split(" ")
        self.function = function
        self.status = status
        self.raises = raises
        self.reply: type[ResponseModel] | None = signature.return_annotation
        self.parameters = {name: p.annotation for name, p in signature.parameters.items()}
        self.is_page = is_page
        markers = (m for a in self.parameters.values() for m in getattr(a, "__metadata__", ()))
        self.access = next((marker for marker in markers if isinstance(marker, Access)), None)
        self.needs_caller = self.access is not None or Caller in self.parameters.values()
        self.query = self._parameter_of(Query)
        self.body = self._parameter_of(Body)
        self.cache_control = cache_control or self._default_cache_control()
        self._path_names = {to_snake(name): name for name in re.findall(r"{(\w+)}", self.path)}
        # The path first: where it names nothing, the response is 404 whatever else is sent.
        names = sorted(self.parameters, key=lambda name: name not in self._path_names)
        self._readers = {name: self._reader(name, self.parameters[name]) for name in names}
        idempotent = (n for n, a in self.parameters.items() if a is IdempotentRequest)
        self._once_name = next(idempotent, None)
        self._is_cold = True
        for schema in (self.query, self.body, self.reply):
            if schema is not None:
                schema.model_rebuild()  # now, or the first request would wait for it

    @property
    def errors(self) -> frozenset[type[ShopError]]:
        """Every refusal that it may answer, and no other: its own, the edge's and the gateway's."""
        of_all = {BadRequest, TooManyRequests, InternalError, ServiceUnavailable}
        of_all |= set() if self.is_page else {ValidationFailed}  # pages ignore their parameters
        of_callers = {Unauthorized} if self.needs_caller else set()
        of_access = {Forbidden} if self.access else set()
        of_bodies = {PayloadTooLarge, UnsupportedMediaType} if self.body else set()
        return frozenset({*self.raises, *of_all, *of_callers, *of_access, *of_bodies})

    @traced("request")
    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        request = Request(event)
        logger().append_keys(request_id=request.id, function_name=context.function_name)
        correlation_id.set(request.id)
        metrics.collect()
        answer = self._answer_in_time(request, context.get_remaining_time_in_millis() / 1000)
        self._tell(request, answer, time.perf_counter() - started)
        return to_gateway(answer, request)

    def _answer_in_time(self, request: Request, seconds: float) -> Response:
        """Whatever happens is an answer, and nothing internal is in it."""
        try:
            with deadline(seconds - TO_ANSWER):
                return self._answer(request)
        except ShopError as error:
            return error_answer(error, request.id)
        except OutOfTime:
            logger().exception("out of time")
            return error_answer(ServiceUnavailable(retry_after=1), request.id)
        except Exception as error:
            logger().exception("unforeseen")
            return error_answer(as_shop_error(error), request.id)

    def _tell(self, request: Request, answer: Response, seconds: float) -> None:
        """To the trace, and in one line to the log, with what was counted."""
        caller = request.authorized.get("sub")
        annotate(
            status=answer.status,
            route=self.route,
            request_id=request.id,
            caller=caller,
            **self._made(answer),
        )
        milliseconds = round(seconds * 1000, 1)
        metrics.measure("Latency", milliseconds, route=self.route)
        logger().info(
            "request",
            status=answer.status,
            milliseconds=milliseconds,
            caller_id=caller,
            cold_start=self._is_cold,
            **metrics.told(),  # the route is among them
        )
        self._is_cold = False
        self._audit(request, answer)

    def _audit(self, request: Request, answer: Response) -> None:
        """What admins do and try, all but reading; what a POST made has its id in `Location`.

        Of the path only ids are told: the rest is a stranger's text, or a token.
        """
        who = request.authorized
        if self.method == "GET" or who.get("role") != Role.ADMIN:
            return
        told = {"me": who["sub"], "current": who["sid"]}
        given = {n: told.get(text, text) for n, text in request.path_parameters.items()}
        subject = {to_snake(n): id_ for n, text in given.items() if (id_ := canonical_id(text))}
        if "Location" in answer.headers:
            subject["id"] = answer.headers["Location"].rpartition("/")[2]
        audit(self.route, actor=who["sub"], subject=subject, outcome=answer.status)

    def _answer(self, request: Request) -> Response:
        arguments = self._arguments(request)
        try:
            reply = self.function(**arguments)
        except Replayed as replayed:
            first = replayed.response
            headers = {**first.headers, "Idempotent-Replayed": "true"}
            return Response(first.status, headers, first.body)
        answer = self._render(reply, request)
        entity_tag = answer.headers.get("ETag")
        if self.method == "GET" and entity_tag and not request.none_match(entity_tag):
            return Response(304, answer.headers, "")
        return answer

    def _arguments(self, request: Request) -> dict[str, object]:
        self._check_access(request)
        arguments: dict[str, object] = {}
        wrong: list[Detail] = []  # of all parts of the request, so that one response names it all
        for name, read in self._readers.items():
            try:
                arguments[name] = read(request)
            except ValidationFailed as failure:
                wrong += failure.details
        if self.query is None and not self.is_page:
            wrong += unknown_parameters(request)
        if wrong:
            raise ValidationFailed(details=wrong)
        if self._once_name is not None:
            arguments[self._once_name] = self._once(request, arguments)
        return arguments

    def _check_access(self, request: Request) -> None:
        """Raise `Unauthorized` or `Forbidden`, before anything that was sent is validated."""
        if self.needs_caller and request.caller is None:
            raise Unauthorized
        if self.access is not None and request.caller is not None:
            self.access.check(request.caller, request.path_parameters)

    def _reader(self, name: str, annotation: Any) -> Callable[[Request], object]:
        """What takes the parameter out of a request; chosen once, as annotations stay."""
        for marker in getattr(annotation, "__metadata__", ()):
            if isinstance(marker, PathId):
                return partial(self._read_path, name, marker)
            if isinstance(marker, PathPrefix):
                # The gateway takes a slash at the end of any path, too.
                route = self.path.rstrip("/")
                return lambda request: request.path.rstrip("/").removesuffix(route)
            if isinstance(marker, TakesGzip):
                return lambda request: request.takes_gzip
            if isinstance(marker, Depends):
                return lambda _: marker.factory()
            if isinstance(marker, Access):
                return _READERS[Caller]
        if annotation is self.query:
            return lambda request: read_query(annotation, request)
        if annotation is self.body:
            return lambda request: read_body(annotation, request)
        return _READERS[annotation]

    def _read_path(self, name: str, marker: PathId, request: Request) -> str:
        value = marker.read(request.path_parameters[self._path_names[name]], request.caller)
        if not isinstance(marker, PathToken):
            annotate(**{name: value})
        return value

    def _once(self, request: Request, arguments: Mapping[str, object]) -> IdempotentRequest:
        """Keyed by caller, operation and client's key; the body is canonical once validated.

        Without its defaults, so that a field added later does not make it another body.
        """
        key, user_id = request.idempotency_key, None
        body = next(value for value in arguments.values() if isinstance(value, Body))
        path = self.path.format_map({n: arguments[name] for name, n in self._path_names.items()})
        if key is not None and request.caller is not None:
            key = f"{request.caller.id}#{self.method}#{path}#{key}"
            user_id = str(arguments.get("user_id", request.caller.id))
        digest = hashlib.sha256(body.model_dump_json(exclude_defaults=True).encode()).digest()

        def render(created: object) -> Response:
            if self.reply is None or not issubclass(self.reply, Resource):
                raise TypeError(f"{self.route} takes a key but makes no resource")
            return self._render(self.reply.of(created), request)

        return IdempotentRequest(key, digest, render, now, user_id)

    def _render(self, reply: ResponseModel | None, request: Request) -> Response:
        headers = {"Cache-Control": self.cache_control}
        if reply is None and self.reply is None:
            return Response(204, headers, "")
        if self.reply is None or not isinstance(reply, self.reply):
            raise TypeError(f"{self.route} replied with a {type(reply).__name__}")
        return Response(self.status, headers | reply.headers(request), reply.as_text())

    def _made(self, answer: Response) -> dict[str, str]:
        """The id of what a POST made, named as in paths below: to /orders it is an order_id."""
        _, _, made = answer.headers.get("Location", "").rpartition("/")
        return {f"{self.path.rpartition('/')[2].removesuffix('s')}_id": made} if made else {}

    def _parameter_of(self, kind: type[BaseModel]) -> Any:
        return next(
            (a for a in self.parameters.values() if isinstance(a, type) and issubclass(a, kind)),
            None,
        )

    def _default_cache_control(self) -> str:
        """What anyone may see may be kept, if it is checked again; all else may not be kept."""
        return "no-cache" if self.method == "GET" and not self.needs_caller else "no-store"


_READERS: Mapping[Any, Callable[[Request], object]] = {
    Caller: lambda request: request.caller,
    Client: lambda request: request.client,
    Precondition: lambda request: request.precondition,
    IdempotentRequest: lambda request: (
        request.idempotency_key
    ),  # made of the others, but malformed at once
}
