"""The request that deleted a user: the disabled account state keeps its id."""

from collections.abc import Iterable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import decode, encode
from shop.identity.accounts.repository import account_state_key
from shop.observability import logger


def deleting_requests(user_ids: Iterable[str]) -> Mapping[str, str]:
    """Return the id of the deleting request by user id; 1 read unit each.

    A failure ends the reads: the events are published without the remaining ids.
    """
    found: dict[str, str] = {}
    try:
        for user_id in user_ids:
            response = dynamodb().get_item(
                TableName=tables.sessions(),
                Key=encode(account_state_key(user_id)),
                # The only attributes that the function has permission to read.
                ProjectionExpression="user_id, id, request_id",
                ConsistentRead=True,
            )
            request_id = decode(response.get("Item", {})).get("request_id")
            if request_id is not None:
                found[user_id] = request_id
    except (BotoCoreError, ClientError) as error:
        logger().warning("deleting requests unknown", exc_info=error)
    return found
