"""The dependencies that /ready asks after, put together on first use."""

from functools import cache
from typing import Annotated

from shop.auth.published_keys import load_jwks
from shop.clients import dynamodb
from shop.dynamo import tables
from shop.http.parameters import Provide
from shop.operations.readiness import DependencyCheck


@cache
def dependency_check() -> DependencyCheck:
    return DependencyCheck({"database": _ask_database, "signing-key": load_jwks})


def _ask_database() -> None:
    """Half a read unit, for a user that does not exist."""
    dynamodb().get_item(TableName=tables.users(), Key={"id": {"S": "ready"}})


Dependencies = Annotated[DependencyCheck, Provide(dependency_check)]
