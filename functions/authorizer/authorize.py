"""The authorizer: an access token in, an IAM policy and the caller out."""

import time
from typing import Any  # the gateway's event and policy are its JSON

from shop.auth.provide import authorizer
from shop.deadline import TO_ANSWER, OutOfTime, deadline
from shop.observability import logger
from shop.redaction import Failed, words_of
from shop.tracing import annotate, traced


@traced("authorization")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A TOKEN authorizer of API Gateway.

    A token that proves nothing gets a Deny, which the gateway answers with 401: to raise would
    count as a failure of ours, which strangers could cause. What we fail at raises: 503.
    """
    logger().append_keys(function_name=context.function_name)
    began = time.perf_counter()
    _, _, token = event["authorizationToken"].partition(" ")
    try:
        with deadline(context.get_remaining_time_in_millis() / 1000 - TO_ANSWER):
            policy = authorizer().decide(token.strip(), event["methodArn"])
    except OutOfTime:
        # As a failure of the call, where Lambda would end the sandbox with all that it keeps.
        logger().error("not done", reason="out of time", milliseconds=_milliseconds_since(began))
        raise TimeoutError("The authorizer is out of time.") from None
    except Exception as error:
        logger().exception("not done", milliseconds=_milliseconds_since(began))
        raise Failed(words_of(error)) from None
    annotate(caller=policy["principalId"])
    return policy


def _milliseconds_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
