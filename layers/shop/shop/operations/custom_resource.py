"""How a custom resource answers CloudFormation, which waits an hour for it."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any  # CloudFormation's event is its JSON

from shop.observability import logger


def answer_cloudformation(event: dict[str, Any], log_stream: str, work: Callable[[], None]) -> None:
    """Does the work and sends SUCCESS or FAILED to the event's ResponseURL.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    status, reason = "SUCCESS", f"See log stream {log_stream}"
    try:
        work()
    except Exception:
        logger().exception("custom resource failed")
        status = "FAILED"
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(answer).encode(),
        method="PUT",
        headers={"Content-Type": ""},  # the URL is signed without one
    )
    with urllib.request.urlopen(request, timeout=10):
        pass
