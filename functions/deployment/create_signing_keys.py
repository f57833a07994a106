"""The custom resource that makes the signing keys when the stack is first deployed."""

from typing import Any  # CloudFormation's event is its JSON

from shop.entrypoints.custom_resource import answer_cloudformation
from shop.identity.keys.key_store import key_store


def handler(event: dict[str, Any], context: Any) -> None:
    """Creates keys only if there are none; an update or a deletion of the resource changes none."""

    def work() -> None:
        if event["RequestType"] != "Delete":
            key_store().create_if_absent()

    answer_cloudformation(event, context, work)
