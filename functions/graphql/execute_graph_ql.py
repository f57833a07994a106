"""POST /graphql: execute a query or a mutation."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import ServiceUnavailable
from shop.feature_flags import require_enabled
from shop.graphql.dependencies import GraphQlServices
from shop.graphql.execution import run
from shop.graphql.requests import GraphQlRequest
from shop.graphql.responses import GraphQlResult
from shop.http.request import Request


@endpoint("POST /graphql", raises=(ServiceUnavailable,), is_open_to_apps=True)
def handler(
    payload: GraphQlRequest, caller: Caller, request: Request, services: GraphQlServices
) -> GraphQlResult:
    """Execute a GraphQL document with a query or one mutation."""
    require_enabled("GRAPHQL", "GraphQL is switched off for now.")
    return run(payload, caller, request, services)
