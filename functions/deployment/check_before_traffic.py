"""CodeDeploy's question whether a new version of a function may get traffic."""

from typing import Any  # CodeDeploy's event is its JSON

from shop.entrypoints.operation import begin_operation
from shop.system.dependencies import traffic_check


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Tells CodeDeploy Succeeded or Failed; whatever goes wrong on the way is Failed."""
    begin_operation(context)
    deployment, hook = event["DeploymentId"], event["LifecycleEventHookExecutionId"]
    return {"status": traffic_check().answer(deployment, hook)}
