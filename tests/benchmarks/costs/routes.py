"""Which function answers a route."""

from tests.benchmarks.costs.scenario import AUTHORIZER
from tests.template import Function, functions


def function_of(route: str) -> Function:
    name = "Authorizer" if route == AUTHORIZER else None
    return next(it for it in functions() if it.name == name or (it.route or "") == route)
