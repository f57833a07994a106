"""TOKEN authorizers of API Gateway: they turn a bearer token into an IAM policy."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any  # the event and the policy are JSON

from shop.deadline import RESPONSE_MARGIN, DeadlineExceeded, deadline
from shop.observability import logger
from shop.redaction import SanitizedError, safe_message
from shop.tracing import annotate, traced

type Decide = Callable[[str, str], dict[str, Any]]
type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def token_authorizer(decide: Decide) -> Handler:
    """Return a handler that calls `decide` with the token and the ARN of the method.

    An invalid token must return a Deny policy, which the gateway turns into 401. An exception
    counts as a Lambda error, which strangers could cause otherwise, and becomes a 503.
    """

    @traced("authorization")
    @wraps(decide)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        logger().append_keys(function_name=context.function_name)
        began = time.perf_counter()
        _, _, token = event["authorizationToken"].partition(" ")
        try:
            with deadline(context.get_remaining_time_in_millis() / 1000 - RESPONSE_MARGIN):
                policy = decide(token.strip(), event["methodArn"])
        except DeadlineExceeded:
            # Before the Lambda timeout, which would end the sandbox and its caches.
            logger().error("failed", reason="deadline exceeded", milliseconds=_since(began))
            raise TimeoutError("The authorizer exceeded its deadline.") from None
        except Exception as error:
            logger().exception("failed", milliseconds=_since(began))
            raise SanitizedError(safe_message(error)) from None
        annotate(caller=policy["principalId"])
        return policy

    return handler


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
