"""Custom resources: respond to CloudFormation, which waits an hour for the response."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any  # CloudFormation's event is JSON, and the context is Lambda's

from shop.entrypoints.operation import begin_operation, invoker
from shop.observability import audit, logger


def run_custom_resource(event: dict[str, Any], context: Any, work: Callable[[], None]) -> None:
    """Do the work, write an audit line, and send SUCCESS or FAILED to the ResponseURL.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    begin_operation(context)
    status, reason = "SUCCESS", f"See log stream {context.log_stream_name}"
    try:
        work()
    except Exception:
        logger().exception("custom resource failed")
        status = "FAILED"
    subject = {"resource": event["LogicalResourceId"], "request": event["RequestType"]}
    audit(context.function_name, actor=invoker(event), subject=subject, outcome=status)
    response = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(response).encode(),
        method="PUT",
        headers={"Content-Type": ""},  # the URL is signed without a content type
    )
    with urllib.request.urlopen(request, timeout=10):
        pass
