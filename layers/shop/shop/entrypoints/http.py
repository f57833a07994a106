"""The HTTP entry point of a function: one decorator declares the route and serves it.

API Gateway has already matched the route, so no router is needed: markers read the handler's
arguments from the event, and the response model that the handler returns renders itself. Only a
handler with a body or a query loads pydantic. Powertools' resolver would add 82 ms to a cold start
and 50 to 90 microseconds to a request.
"""

import inspect
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any  # events and handlers' parameters are of many types

from shop import metrics
from shop.caller import Caller
from shop.correlation import correlation_id, named_client
from shop.deadline import RESPONSE_MARGIN, DeadlineExceeded, deadline
from shop.entrypoints.auditing import audit_request, client_of
from shop.entrypoints.binding import marker_of
from shop.entrypoints.faces import request_of
from shop.errors import Detail, ServiceUnavailable, ShopError, Unauthorized, ValidationFailed
from shop.http.access import Access
from shop.http.form import Form
from shop.http.protocol_errors import ProtocolError
from shop.http.rendering import as_shop_error, error_response, to_gateway
from shop.http.request import Request
from shop.http.response import Response
from shop.http.response_models import Resource, ResponseModel
from shop.idempotency import Replayed
from shop.json_names import to_snake
from shop.observability import logger
from shop.tracing import annotate, traced

if TYPE_CHECKING:
    from shop.http.request_models import Body, Query

type Handler = Callable[..., ResponseModel | None]


def endpoint(
    route: str,
    *,
    status: int = 200,
    raises: tuple[type[ShopError], ...] = (),
    cache_control: str | None = None,
    is_page: bool = False,
    serves_head: bool = False,
    scope: str | None = None,
    admin_scope: str | None = None,
    rpc: str | None = None,
    is_open_to_apps: bool = False,
    is_audited: bool = False,
) -> Callable[[Handler], "Endpoint"]:
    """Declare a handler for `METHOD /path`, spelled as in the template and in OpenAPI.

    Annotations bind the parameters of the handler: path ids (`PathId`), one `Body`, one `Query`,
    the `Caller` (any token, or an `Access` rule such as `AdminCaller`), the `Client`, a
    `Precondition` (If-Match), after the body an `IdempotentRequest` (Idempotency-Key), the `Prefix`
    before the route, `Gzip`, and services (`Depends`). The handler returns its `ResponseModel`, or
    None for 204. `raises` lists the errors of its own rules; errors of every endpoint are implied.
    A page or probe (`is_page`) ignores query parameters, and serves HEAD without a body, as does an
    endpoint with `serves_head`. Third-party apps need `scope`, or `admin_scope` to act as an admin;
    an endpoint with a caller and neither is closed to them, unless it `is_open_to_apps`: then the
    services that it calls demand the scopes. `rpc` is the method that stands for this route, as
    `OrderService/GetOrder`. Requests of admins are audited, of GET routes only if `is_audited`.
    """
    return lambda function: Endpoint(
        route,
        function,
        status,
        raises,
        cache_control,
        is_page,
        is_page or serves_head,
        scope,
        admin_scope,
        rpc,
        is_open_to_apps,
        is_audited,
    )


class Endpoint:
    """A Lambda handler for one route."""

    def __init__(
        self,
        route: str,
        function: Handler,
        status: int,
        raises: tuple[type[ShopError], ...],
        cache_control: str | None,
        is_page: bool,
        serves_head: bool,
        scope: str | None,
        admin_scope: str | None,
        rpc: str | None,
        is_open_to_apps: bool,
        is_audited: bool,
    ) -> None:
        signature = inspect.signature(function)
        self.route = route
        self.method, self.path = route.split(" ")
        self.function = function
        self.status = status
        self.raises = raises
        self.response_model: type[ResponseModel] | None = signature.return_annotation
        parameters = signature.parameters.items()
        self.parameters: Mapping[str, Any] = {name: it.annotation for name, it in parameters}
        self.is_page = is_page
        self.serves_head = serves_head
        self.scope = scope
        self.admin_scope = admin_scope
        self.is_open_to_apps = is_open_to_apps
        self.is_audited = is_audited or self.method != "GET"
        self.rpc_path = None if rpc is None else f"/shop.v1.{rpc}"
        markers = {name: marker_of(it) for name, it in self.parameters.items()}
        self.access = next((it for it in markers.values() if isinstance(it, Access)), None)
        self.needs_caller = self.access is not None or Caller in self.parameters.values()
        self.query: type[Query] | None = self._parameter_in("query")
        self.body: type[Body] | None = self._parameter_in("body")
        self.form = next((it for it in markers.values() if isinstance(it, Form)), None)
        # Public responses are cached and revalidated; all others are not stored.
        by_default = "no-cache" if self.method == "GET" and not self.needs_caller else "no-store"
        self.cache_control = cache_control or by_default
        names_in_path = re.findall(r"{(\w+)}", self.path)
        self.path_names: Mapping[str, str] = {to_snake(it): it for it in names_in_path}
        # The path first: an unknown resource is a 404, whatever else is invalid.
        names = sorted(markers, key=lambda name: name not in self.path_names)
        self._readers = {name: markers[name].bind(self, name) for name in names}
        self._is_cold = True

    @property
    def ignores_query(self) -> bool:
        """Whether unknown query parameters are ignored: by pages, and by OAuth's rules."""
        return self.is_page or self.path.startswith("/oauth/")

    @traced("request")
    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        request = request_of(event, self)
        logger().append_keys(
            request_id=request.id, function_name=context.function_name, face=request.face
        )
        correlation_id.set(request.id)
        named_client.set(None)
        metrics.collect()
        response = self._respond_in_time(request, context.get_remaining_time_in_millis() / 1000)
        self._log(request, response, time.perf_counter() - started)
        return request.to_gateway(to_gateway(response, request))

    def _respond_in_time(self, request: Request, seconds: float) -> Response:
        """Return a response for every outcome, without internal details."""
        try:
            with deadline(seconds - RESPONSE_MARGIN):
                return self._respond(request)
        except ShopError as error:
            return error_response(error, request.id)
        except ProtocolError as error:
            request.log_fields |= {} if error.code is None else {"error": error.code}
            return error.response
        except DeadlineExceeded:
            logger().exception("deadline exceeded")
            return error_response(ServiceUnavailable(retry_after=1), request.id)
        except Exception as error:
            logger().exception("unhandled exception")
            return error_response(as_shop_error(error), request.id)

    def _log(self, request: Request, response: Response, seconds: float) -> None:
        """Annotate the trace, and log one line with the metrics of the request."""
        caller = request.known_caller
        caller_id = None if caller is None else caller.id
        annotate(
            status=response.status,
            route=self.route,
            request_id=request.id,
            caller=caller_id,
            **self._created_id(response),
        )
        milliseconds = round(seconds * 1000, 1)
        metrics.measure("Latency", milliseconds, route=self.route)
        logger().info(
            "request",
            status=response.status,
            milliseconds=milliseconds,
            caller_id=caller_id,
            cold_start=self._is_cold,
            **client_of(caller),
            **request.log_fields,
            **metrics.log_fields(),  # `route` is one of them
        )
        self._is_cold = False
        audit_request(self, caller, request, response)

    def _created_id(self, response: Response) -> dict[str, str]:
        """Return the annotation of a created resource, such as `order_id`, from its `Location`."""
        model, location = self.response_model, response.headers.get("Location")
        if location is None or model is None or not issubclass(model, Resource):
            return {}
        return {f"{model.resource_name}_id": location.rpartition("/")[2]}

    def _respond(self, request: Request) -> Response:
        self._check_access(request)
        self._bind(request)
        try:
            result = self.function(**request.arguments)
        except Replayed as replayed:
            first = replayed.response
            headers = {**first.headers, "Idempotent-Replayed": "true"}
            return Response(first.status, headers, first.body)
        response = self._render(result, request)
        entity_tag = response.headers.get("ETag")
        if self.method == "GET" and entity_tag and not request.none_match(entity_tag):
            return Response(304, response.headers, "")
        return response

    def _check_access(self, request: Request) -> None:
        """Raise the errors of the caller, before the request is validated."""
        if self.needs_caller:
            if request.caller is None:
                raise Unauthorized
            if not self.is_open_to_apps:
                request.caller = request.caller.within(self.scope, self.admin_scope)
        if self.access is not None and request.caller is not None:
            self.access.check(request.caller, request.path_parameters)

    def _bind(self, request: Request) -> None:
        """Fill in the arguments of the request; raise one `ValidationFailed` for all its parts."""
        request.admit()
        invalid: list[Detail] = []
        for name, read in self._readers.items():
            try:
                request.arguments[name] = read(request)
            except ValidationFailed as failure:
                invalid += failure.details
        if self.query is None and not self.ignores_query:
            invalid += request.unknown_parameters
        if invalid:
            raise ValidationFailed(details=invalid)

    def render_created(self, created: object, request: Request) -> Response:
        """Return the response that a created resource gives."""
        if self.response_model is None or not issubclass(self.response_model, Resource):
            raise TypeError(f"{self.route} takes an idempotency key but returns no resource")
        return self._render(self.response_model.of(created), request)

    def _render(self, result: ResponseModel | None, request: Request) -> Response:
        headers = {"Cache-Control": self.cache_control}
        if result is None and self.response_model is None:
            return Response(204, headers, "")
        if self.response_model is None or not isinstance(result, self.response_model):
            raise TypeError(f"{self.route} returned a {type(result).__name__}")
        return Response(self.status, headers | result.headers(request), result.as_text())

    def _parameter_in(self, part: str) -> Any:
        types = self.parameters.values()
        return next((it for it in types if getattr(it, "request_part", None) == part), None)
