"""CodeDeploy's pre-traffic hook: check a new version of a function before it gets traffic."""

from typing import Any  # CodeDeploy's event is its JSON

from shop.deployment.dependencies import pre_traffic_check
from shop.entrypoints.operation import begin_operation


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Report Succeeded or Failed to CodeDeploy; any error of the check itself is Failed."""
    begin_operation(context)
    deployment, hook = event["DeploymentId"], event["LifecycleEventHookExecutionId"]
    return {"status": pre_traffic_check().run(deployment, hook)}
