"""The context of an execution: the caller, the request, the services and the batches."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any  # inputs and resources have fields of many types

from pydantic import BaseModel, ValidationError

from shop.caller import Caller, Client
from shop.errors import Forbidden, NotFound, ShopError
from shop.gather import gather
from shop.graphql.access import RULES
from shop.graphql.batches import Batches
from shop.graphql.dependencies import Services
from shop.graphql.errors import is_user_error, user_errors
from shop.http.audit_entry import AuditEntry
from shop.http.request import Request
from shop.http.response import Response
from shop.http.response_models import Resource
from shop.http.validation import validation_failed
from shop.idempotency import IdempotentRequest, Replayed, idempotent_request
from shop.identifiers import canonical_id
from shop.orders.models import Order
from shop.orders.requests import OrderListQuery
from shop.pagination import PageResult
from shop.preconditions import Precondition, entity_tag
from shop.products.models import Product
from shop.tracing import annotate
from shop.users.models import User

type Json = dict[str, Any]

MAX_KEYS = 100  # of a BatchGetItem
# Stands for an invalid id, so that services check the access before they find nothing.
NO_ID = "00000000-0000-0000-0000-000000000000"
_ROUTE = "/graphql"


class Context:
    def __init__(
        self, caller: Caller, request: Request, services: Services, batches: Batches
    ) -> None:
        self.caller = caller
        self.services = services
        self.is_replayed = False
        self.has_changed = False  # by a mutation
        self._request = request
        self._batches = batches

    @property
    def own_id(self) -> str:
        """The caller's id as a user; a client that acts for itself is no user."""
        return NO_ID if self.caller.admin_id is None else self.caller.id

    @property
    def client(self) -> Client:
        return self._request.client

    def admit(self, field: str, user_id: str = "") -> None:
        """Raise the error of a caller who must not read or change the field."""
        RULES[field].check(self.caller, user_id)

    async def user(self, user_id: str) -> User | None:
        return await self._batches.load(self._users, user_id)  # type: ignore[no-any-return]

    async def product(self, product_id: str) -> Product | None:
        return await self._batches.load(self._products, product_id)  # type: ignore[no-any-return]

    async def orders_of(self, user_id: str, query: OrderListQuery) -> PageResult[Order]:
        return await self._batches.load(self._orders, (user_id, query))  # type: ignore[no-any-return]

    def mutate(
        self,
        action: str,
        subject: Mapping[str, str],
        field: str,
        change: Callable[[], object],
        status: int = 200,
    ) -> Json:
        """Return the payload of a change, and audit it; raise the errors of access and failures.

        `status` is that of the route for success.
        """
        ids = {name: id_ for name, id_ in subject.items() if id_ != NO_ID}
        self._request.audit_entry = AuditEntry(action, ids, None)
        annotate(**ids)
        try:
            self.admit(f"Mutation.{action}", subject.get("user_id", ""))
            if ids != subject:
                raise NotFound
            payload = {field: change(), "userErrors": []}
        except ShopError as error:
            self._request.audit_entry = AuditEntry(action, ids, error.status)
            if not is_user_error(error):
                raise
            return {field: None, "userErrors": user_errors(error)}
        self._request.audit_entry = AuditEntry(action, subject, status)
        self.has_changed = True
        return payload

    def create(
        self,
        action: str,
        subject: dict[str, str],
        model: type[Resource],
        path: str,
        body: Callable[[], BaseModel],
        change: Callable[[Any, IdempotentRequest], object],
    ) -> Json:
        """Return the payload of a created resource, or of the first response to its key."""

        def created() -> object:
            payload = body()
            idempotency = self._idempotency(model, path, payload, subject)
            try:
                resource: object = model.of(change(payload, idempotency))
            except Replayed as replayed:
                self.is_replayed = True
                first = replayed.response
                resource = {**json.loads(first.body), "etag": first.headers["ETag"]}
            subject["id"] = str(value_of(resource, "id"))
            annotate(**{f"{model.resource_name}_id": subject["id"]})
            return resource

        return self.mutate(action, subject, model.resource_name, created, 201)

    def _idempotency(
        self, model: type[Resource], path: str, payload: BaseModel, subject: Mapping[str, str]
    ) -> IdempotentRequest:
        """Return the request with the key, the digest and the response that REST would have."""
        prefix = self._request.path.rstrip("/").removesuffix(_ROUTE)

        def render(stored: object) -> Response:
            resource = model.of(stored)
            headers = {
                "Cache-Control": "no-store",
                "ETag": entity_tag(resource.version),
                "Location": f"{prefix}{path}/{resource.id}",
            }
            return Response(201, headers, resource.as_text())

        user_id = subject.get("user_id", self.caller.id)
        key = self._request.idempotency_key
        return idempotent_request(self.caller, f"POST#{path}", key, payload, render, user_id)

    def _users(self, ids: Sequence[str]) -> Mapping[str, User | Forbidden]:
        found: dict[str, User | Forbidden] = {}
        for chunk in _chunks(ids):
            found |= self.services.user_reads.read_many(self.caller, chunk)
        return found

    def _products(self, ids: Sequence[str]) -> Mapping[str, Product]:
        found: dict[str, Product] = {}
        for chunk in _chunks(ids):
            found |= self.services.product_reads.read_many(chunk)
        return found

    def _orders(
        self, keys: Sequence[tuple[str, OrderListQuery]]
    ) -> Mapping[tuple[str, OrderListQuery], PageResult[Order] | Exception]:
        """Return an outcome for each list: an error of one must not fail the others."""

        def outcome(user_id: str, query: OrderListQuery) -> PageResult[Order] | Exception:
            try:
                return self.services.orders.list(self.caller, user_id, query)
            except Exception as error:
                return error

        lists = gather([partial(outcome, *key) for key in keys])
        return dict(zip(keys, lists, strict=True))


def value_of(resource: object, name: str) -> Any:
    """Return a field by its name in JSON, of a representation or of a recorded response."""
    if isinstance(resource, Mapping):
        return resource[name]
    names: Mapping[str, str] = {in_json: it for it, in_json in type(resource).json_names.items()}  # type: ignore[attr-defined]
    return getattr(resource, names[name])


def resource_id(text: str) -> str:
    return canonical_id(text) or NO_ID


def precondition(tag: str | None) -> Precondition:
    """Return the condition of `ifMatch`: one entity tag, and any other text matches nothing."""
    return Precondition(None if tag is None else frozenset({tag}))


def body_of[B: BaseModel](model: type[B], fields: Mapping[str, Any]) -> B:
    """Return the request body of REST; raise `ValidationFailed`."""
    try:
        return model.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise validation_failed("body", error) from None


def query_of[Q: BaseModel](model: type[Q], arguments: Mapping[str, Any]) -> Q:
    """Return the query of REST; raise `ValidationFailed`."""
    names = {"first": "limit", "after": "cursor"}
    given = {names.get(n, n): it for n, it in arguments.items() if it is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise validation_failed("query", error) from None


def or_none[T](read: Callable[[], T]) -> T | None:
    try:
        return read()
    except NotFound:
        return None


def _chunks(ids: Sequence[str]) -> Sequence[Sequence[str]]:
    return [ids[start : start + MAX_KEYS] for start in range(0, len(ids), MAX_KEYS)]
