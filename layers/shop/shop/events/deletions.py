"""Who deleted a user: the deleted item does not say it, but the gate that was shut with it does."""

from collections.abc import Iterable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import decode, encode
from shop.identity.accounts.repository import account_state_key
from shop.observability import logger


def deleting_requests(user_ids: Iterable[str]) -> Mapping[str, str]:
    """The ids of requests by those of the users that they deleted; 1 read unit each.

    After a failure no more are read: to tell the events matters more than who led to them.
    """
    found: dict[str, str] = {}
    try:
        for user_id in user_ids:
            answer = dynamodb().get_item(
                TableName=tables.sessions(),
                Key=encode(account_state_key(user_id)),
                # All that the function may read there.
                ProjectionExpression="user_id, id, request_id",
                ConsistentRead=True,
            )
            request_id = decode(answer.get("Item", {})).get("request_id")
            if request_id is not None:
                found[user_id] = request_id
    except (BotoCoreError, ClientError) as error:
        logger().warning("deleting requests unknown", exc_info=error)
    return found
