"""API Gateway: the role with which an integration or an authorizer invokes its function."""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import apigateway_v1 as gateway
from ministack.services import iam

from tools.local_cloud.emulator.patches.pinned import pinned

SERVICE = "apigateway.amazonaws.com"
# Any: ministack's own records and responses.
Record = dict[str, Any]


def apply() -> None:
    invoke_functions_with_roles()


def invoke_functions_with_roles() -> None:
    """Invoke a function with the declared `credentials` only if the role allows that.

    The gateway answers 500 otherwise, as for every error of an API's configuration.
    """
    invoke = pinned(gateway, "_invoke_lambda_proxy_v1")
    authorize = pinned(gateway, "_invoke_authorizer_lambda", "authorizer event account_id region")
    pinned(iam_evaluator, "_gather_role_policies", "role_name account_id")
    pinned(iam_evaluator, "evaluate_resource_policy", source="_service_principal_matches(")

    async def invoked(integration: Record, *request: Any, **context: Any) -> Any:
        if _may_invoke(integration.get("credentials"), integration["uri"]):
            return await invoke(integration, *request, **context)
        return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")

    async def authorized(authorizer: Record, *request: Any) -> Any:
        if _may_invoke(authorizer.get("authorizerCredentials"), authorizer["authorizerUri"]):
            return await authorize(authorizer, *request)
        return None  # AUTHORIZER_CONFIGURATION_ERROR

    gateway._invoke_lambda_proxy_v1 = invoked
    gateway._invoke_authorizer_lambda = authorized


def _may_invoke(role: str | None, uri: str) -> bool:
    """Whether the role, if there is one, trusts the gateway and allows to invoke the function."""
    if not role:
        return True
    function = gateway._extract_lambda_ref_from_integration_uri(uri)
    account, name = role.split(":")[4], role.rpartition("/")[2]
    found = iam._roles.get_scoped(account, None, name)
    if found is None:
        return False
    principal = f"arn:aws:sts::{account}:assumed-role/{name}/gateway"

    def request(action: str, resource: str) -> Any:
        region = function.split(":")[3]
        return iam_evaluator.EvalContext(
            principal, "AssumedRole", account, action, resource, region
        )

    trust = iam_evaluator.evaluate_resource_policy(
        found["AssumeRolePolicyDocument"], request("sts:AssumeRole", role), SERVICE
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    grant = iam_evaluator.evaluate(request("lambda:InvokeFunction", function), policies)
    return bool(trust.decision == grant.decision == "Allow")
