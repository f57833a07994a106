"""The table of routes is complete, and its rows agree with the handlers."""

import importlib

import pytest

from shop.entrypoints.http import Endpoint
from tests.routes import ROUTES, expected_of
from tests.support.sam_template import Function, functions

ROUTED = [function for function in functions() if function.route]


def test_every_route_of_the_template_has_a_row() -> None:
    routes = {function.route for function in ROUTED}

    assert routes - set(ROUTES) == set(), "add a row for each to ROUTES in tests/routes.py"
    assert set(ROUTES) - routes == set(), (
        "remove the row of a route without a function from tests/routes.py, or add the function to "
        "template.yaml and run: make generate"
    )


@pytest.mark.parametrize("function", ROUTED, ids=lambda function: function.name)
def test_row_agrees_with_the_handler(function: Function) -> None:
    expected = expected_of(function.route or "")
    handler = importlib.import_module(function.module).handler
    anonymous, stranger, *_ = expected.access

    assert (anonymous == 401) is not function.is_public, "401 is for routes with a caller"
    if isinstance(handler, Endpoint):
        takes_input = handler.body is not None or handler.query is not None
        assert ("pydantic" in expected.loads) is takes_input, (
            f"`loads` of {function.route} in tests/routes.py has pydantic, as in VALIDATED, for a"
            " handler with a body or a query only"
        )
        assert expected.is_for_apps or (stranger == 403) is (handler.access is not None), (
            "403 is for routes with AdminCaller, SelfOrAdminCaller or SelfCaller"
        )
        assert (expected.body is not None) is (handler.body is not None), (
            f"`body` of {function.route} in tests/routes.py must fit the handler's Body parameter"
        )
