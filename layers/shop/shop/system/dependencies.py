"""What /ready asks after, and the check of new versions, put together on first use."""

from functools import cache
from typing import Annotated

from shop.clients import deployments, dynamodb, functions, parameters, secrets
from shop.config import setting
from shop.depends import Depends
from shop.deployment.pre_traffic import PreTrafficCheck
from shop.dynamo import tables
from shop.identity.keys.published_keys import load_jwks
from shop.system.readiness import DependencyCheck


@cache
def dependency_check() -> DependencyCheck:
    # Made by one thread: botocore's session, which makes them, is not for several.
    for client in (dynamodb, parameters, secrets):
        client()
    return DependencyCheck({"database": _ask_database, "signing-key": _ask_signing_key})


@cache
def traffic_check() -> PreTrafficCheck:
    return PreTrafficCheck(deployments(), functions(), setting("CHECK_READINESS_FUNCTION"))


def _ask_database() -> None:
    """Half a read unit, for a user that does not exist."""
    dynamodb().get_item(TableName=tables.users(), Key={"id": {"S": "ready"}})


def _ask_signing_key() -> None:
    """Whether tokens can be verified and signed; the private keys themselves are not read."""
    load_jwks()
    secret = secrets().describe_secret(SecretId=setting("SIGNING_KEYS_SECRET"))
    if not any("AWSCURRENT" in stages for stages in secret["VersionIdsToStages"].values()):
        raise LookupError("the secret has no current version")


Dependencies = Annotated[DependencyCheck, Depends(dependency_check)]
