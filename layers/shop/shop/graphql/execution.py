"""One request of GraphQL over HTTP: parse, validate, limit, execute, respond."""

from asyncio import AbstractEventLoop, new_event_loop
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from inspect import isawaitable
from typing import Any  # variables and data have values of many types

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    ValidationContext,
    coerce_input_value,
    execute,
    get_operation_ast,
    is_non_null_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.execution.values import get_variable_values

from shop.caller import Caller
from shop.graphql.batches import Batches
from shop.graphql.context import Context
from shop.graphql.dependencies import Services
from shop.graphql.errors import InvalidDocument, field_errors, rejection
from shop.graphql.graph import SCHEMA
from shop.graphql.limits import MAX_TOKENS, check_size, cost_of, root_fields
from shop.graphql.requests import GraphQlRequest
from shop.graphql.responses import GraphQlResult, media_type_for
from shop.http.request import Request

_MAX_ERRORS = 5  # of a document, and of its variables
_TOO_DEEP = "The document is nested too deeply."


def run(
    payload: GraphQlRequest, caller: Caller, request: Request, services: Services
) -> GraphQlResult:
    """Execute a request; raise `ProtocolError` for one that is not executed."""
    try:
        document = valid_document(payload.query)
        operation = _operation(document, payload.operation_name)
        variables = payload.variables or {}
        values = _coerced(operation, variables)
        _check_nulls(document, operation, values)
        cost = cost_of(SCHEMA, document, operation, values)
    except InvalidDocument as invalid:
        raise rejection(invalid, media_type_for(request), request.id) from None
    fields = sorted({*root_fields(document, operation)})
    request.log_fields |= {"operation": operation.operation.value, "fields": fields, "cost": cost}
    loop = new_event_loop()
    try:
        context = Context(caller, request, services, Batches(loop))
        result = _run(loop, _execute(document, context, variables, payload.operation_name))
    finally:
        loop.close()
    errors = field_errors(result.errors or (), request.id, has_changed=context.has_changed)
    if errors:
        request.log_fields["errors"] = sorted({it["extensions"]["code"] for it in errors})
    return GraphQlResult(data=result.data, errors=errors, is_replayed=context.is_replayed)


@lru_cache(maxsize=100)
def valid_document(text: str) -> DocumentNode:
    """Return a document that is valid for any variables; raise `InvalidDocument`."""
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise InvalidDocument(error, status=400) from None
    except RecursionError:
        raise InvalidDocument(_TOO_DEEP, status=400) from None
    check_size(document)
    try:
        errors = validate(SCHEMA, document, max_errors=_MAX_ERRORS, hide_suggestions=True)
    except RecursionError:
        raise InvalidDocument(_TOO_DEEP) from None
    if errors:
        raise InvalidDocument(*errors[:_MAX_ERRORS])
    return document


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is None:
        raise InvalidDocument("operationName must be the name of an operation of the document.")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise InvalidDocument("Subscriptions are not supported.")
    return operation


def _coerced(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of the variables; raise `InvalidDocument`, without a value in it."""
    definitions = operation.variable_definitions
    values = get_variable_values(SCHEMA, definitions, dict(variables), max_errors=1)
    if isinstance(values, dict):
        return values
    # The messages of graphql-core quote values.
    messages: list[str] = []
    for definition in definitions:
        name = definition.variable.name.value
        type_: Any = type_from_ast(SCHEMA, definition.type)  # an input type, or it would be invalid

        def add(
            path: list[str | int], _value: object, _error: GraphQLError, name: str = name
        ) -> None:
            at = name + "".join(f"[{it}]" if isinstance(it, int) else f".{it}" for it in path)
            messages.append(f"Variable '${name}' has a value of another type at '{at[:200]}'.")
            if len(messages) == _MAX_ERRORS:
                raise InvalidDocument(*messages)

        if name in variables:
            coerce_input_value(variables[name], type_, add)
        elif definition.default_value is None and str(type_).endswith("!"):
            messages.append(f"Variable '${name}' is required.")
    raise InvalidDocument(*messages[:_MAX_ERRORS])


def _check_nulls(
    document: DocumentNode, operation: OperationDefinitionNode, values: Mapping[str, Any]
) -> None:
    """Raise `InvalidDocument` for null in the place of a value, instead of a default.

    graphql-core would raise it during the execution, maybe after a mutation.
    """
    if None not in values.values():
        return
    context = ValidationContext(SCHEMA, document, TypeInfo(SCHEMA), lambda _: None)
    for usage in context.get_recursive_variable_usages(operation):
        name = usage.node.name.value
        if name in values and values[name] is None and is_non_null_type(usage.type):
            raise InvalidDocument(f"Variable '${name}' must not be null.")


async def _execute(
    document: DocumentNode, context: Context, variables: Mapping[str, Any], name: str | None
) -> ExecutionResult:
    result = execute(
        SCHEMA,
        document,
        context_value=context,
        variable_values=dict(variables),
        operation_name=name,
    )
    return await result if isawaitable(result) else result


def _run[T](loop: AbstractEventLoop, work: Awaitable[T]) -> T:
    """Run the work to its end, or raise what a callback of the loop raised.

    asyncio swallows the deadline's exception in callbacks, and would then wait forever.
    """
    failures: list[BaseException] = []

    def stop(_: AbstractEventLoop, details: Mapping[str, Any]) -> None:
        if "handle" in details:
            failures.append(details["exception"])
            loop.stop()

    async def finish() -> T:
        try:
            return await work
        finally:
            loop.stop()

    loop.set_exception_handler(stop)
    task = loop.create_task(finish())
    loop.run_forever()
    if failures:
        task.cancel()
        raise failures[0]
    return task.result()
