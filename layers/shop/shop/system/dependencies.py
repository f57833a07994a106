"""The dependency check of `/ready`, created on first use."""

from functools import cache
from typing import Annotated

from shop.clients import dynamodb, parameters, secrets
from shop.config import setting
from shop.depends import Depends
from shop.dynamo import tables
from shop.identity.keys.published_keys import load_jwks
from shop.system.readiness import DependencyCheck


@cache
def dependency_check() -> DependencyCheck:
    # Created here by one thread: botocore's session is not thread-safe.
    for client in (dynamodb, parameters, secrets):
        client()
    return DependencyCheck({"database": _probe_database, "signing-key": _probe_signing_key})


def _probe_database() -> None:
    """Read a user that does not exist: half a read unit."""
    dynamodb().get_item(TableName=tables.users(), Key={"id": {"S": "ready"}})


def _probe_signing_key() -> None:
    """Raise unless tokens can be verified and signed, without reading the private keys."""
    load_jwks()
    secret = secrets().describe_secret(SecretId=setting("SIGNING_KEYS_SECRET"))
    if not any("AWSCURRENT" in stages for stages in secret["VersionIdsToStages"].values()):
        raise LookupError("the secret has no current version")


Dependencies = Annotated[DependencyCheck, Depends(dependency_check)]
