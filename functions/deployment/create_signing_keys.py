"""The custom resource that creates the signing keys on the first deployment of the stack."""

from typing import Any  # CloudFormation's event is its JSON

from shop.entrypoints.custom_resource import run_custom_resource
from shop.identity.keys.key_store import key_store


def handler(event: dict[str, Any], context: Any) -> None:
    """Create the keys only if there are none; an update or deletion of the resource keeps them."""

    def work() -> None:
        if event["RequestType"] != "Delete":
            key_store().create_if_absent()

    run_custom_resource(event, context, work)
