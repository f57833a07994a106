"""Whether a new version of a function may get traffic: it answers, and changes nothing for that."""

import json
from typing import TYPE_CHECKING, Any  # what functions are sent and answer is JSON

from shop.observability import logger
from shop.redaction import SanitizedError

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_codedeploy.literals import LifecycleEventStatusType
    from mypy_boto3_codedeploy.type_defs import RevisionLocationTypeDef
    from mypy_boto3_lambda import LambdaClient

# First words of functions that only read: their GET is carried out, with ids of nothing, and shows
# that they reach what they read. The others refuse the same request before they do anything.
READERS = ("Check", "Get", "List", "Show")

_NOBODY = "00000000-0000-7000-8000-000000000000"
_READ: dict[str, Any] = {
    # What the authorizer is sent; it denies, after it has read the keys.
    "type": "TOKEN",
    "authorizationToken": "Bearer e30.e30.e30",
    "methodArn": "arn:aws:execute-api:us-east-1:000000000000:check/check/GET/",
    # What all others are sent
    "httpMethod": "GET",
    "resource": "/",
    "path": "/",
    "headers": {"Content-Type": "application/json"},
    "pathParameters": {
        **dict.fromkeys(("userId", "sessionId", "productId", "orderId"), _NOBODY),
        "token": "check",
        "asset": "swagger-ui.js",
    },
    "multiValueQueryStringParameters": None,
    "requestContext": {
        "requestId": "check-before-traffic",
        "path": "/",
        "identity": {"sourceIp": "192.0.2.0", "userAgent": "check before traffic"},
        "authorizer": {"sub": _NOBODY, "sid": _NOBODY, "role": "admin", "scope": "shop"},
    },
    "body": "{}",
    "isBase64Encoded": False,
}
# No endpoint knows this parameter, and all refuse those that they do not know.
_REFUSED = _READ | {"multiValueQueryStringParameters": {"checkBeforeTraffic": ["yes"]}}


class UnhealthyVersion(SanitizedError):
    """Why a version may not get traffic."""


class PreTrafficCheck:
    def __init__(
        self, deployments: "CodeDeployClient", functions: "LambdaClient", readiness: str
    ) -> None:
        """`readiness` is the name of the function that asks the dependencies."""
        self._deployments = deployments
        self._functions = functions
        self._readiness = readiness

    def answer(self, deployment: str, hook: str) -> "LifecycleEventStatusType":
        """What it tells CodeDeploy, which would wait an hour for it otherwise."""
        log = logger()
        status: LifecycleEventStatusType = "Failed"
        try:
            for name, version in self._targets(deployment):
                self._check(name, version)
                log.info("fit for traffic", target=name, version=version)
            self._check(self._readiness, "live")
        except Exception:
            # A deployment that cannot be checked must not go on either.
            log.exception("not fit for traffic", deployment=deployment)
        else:
            status = "Succeeded"
        self._deployments.put_lifecycle_event_hook_execution_status(
            deploymentId=deployment,
            lifecycleEventHookExecutionId=hook,
            status=status,
        )
        return status

    def _targets(self, deployment: str) -> list[tuple[str, str]]:
        """Return the functions and versions to deploy; raise `UnhealthyVersion` for none."""
        told = self._deployments.get_deployment(deploymentId=deployment)["deploymentInfo"]
        # A deployment names its revision without the content, which has to be asked for.
        found = self._deployments.get_application_revision(
            applicationName=told["applicationName"], revision=_named(told["revision"])
        )["revision"]
        kept = found.get("appSpecContent") or found.get("string") or {}
        resources = json.loads(kept["content"])["Resources"]
        targets = [
            (resource["Properties"]["Name"], resource["Properties"]["TargetVersion"])
            for named in resources
            for resource in named.values()
        ]
        if not targets:
            raise UnhealthyVersion("the deployment names no function")
        return targets

    def _check(self, name: str, version: str) -> None:
        """Raises `UnhealthyVersion` unless the function answers as it should."""
        # CloudFormation's names: the stack's, the function's in the template, a random one.
        is_reader = name.split("-")[-2].startswith(READERS)
        answer = self._functions.invoke(
            FunctionName=name,
            Qualifier=version,
            Payload=json.dumps(_READ if is_reader else _REFUSED),
        )
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise UnhealthyVersion(f"{name}:{version} fails: {said.get('errorType')}")
        if "policyDocument" not in said and not 200 <= said.get("statusCode", 0) < 500:
            raise UnhealthyVersion(f"{name}:{version} answers {said.get('statusCode')}")


def _named(revision: "RevisionLocationTypeDef") -> "RevisionLocationTypeDef":
    """The revision without its empty content, by type and digest."""
    named: Any = {
        key: {"sha256": part["sha256"]} if isinstance(part, dict) and "sha256" in part else part
        for key, part in revision.items()
    }
    location: RevisionLocationTypeDef = named
    return location
