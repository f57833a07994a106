"""The pre-traffic check of a new version: it responds, and the check changes no data."""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any  # requests and responses of functions are JSON

from shop.observability import logger
from shop.redaction import SanitizedError

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_codedeploy.literals import LifecycleEventStatusType
    from mypy_boto3_codedeploy.type_defs import RevisionLocationTypeDef
    from mypy_boto3_lambda import LambdaClient

_NOBODY = "00000000-0000-7000-8000-000000000000"
_REQUEST: dict[str, Any] = {
    # The event of an authorizer, which loads the keys and returns a Deny policy
    "type": "TOKEN",
    "authorizationToken": "Bearer e30.e30.e30",
    "methodArn": "arn:aws:execute-api:us-east-1:000000000000:check/check/GET/",
    # The event of all others
    "httpMethod": "GET",
    "resource": "/",
    "path": "/",
    "headers": {"Content-Type": "application/json"},
    "pathParameters": {  # and the ids of all routes
        "token": "check",
        "asset": "swagger-ui.js",
        "document": "openid-configuration",
        "version": "1",
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
# Every endpoint rejects unknown query parameters, except pages, which only read, and forms, which
# reject the media type.
_REJECTED = {"multiValueQueryStringParameters": {"checkBeforeTraffic": ["yes"]}}


class UnhealthyVersion(SanitizedError):
    """The reason why a version gets no traffic."""


class PreTrafficCheck:
    def __init__(
        self,
        deployments: "CodeDeployClient",
        functions: "LambdaClient",
        readiness: str,
        reads: Collection[str],
        ids: Collection[str],
    ) -> None:
        """Take the name of the `readiness` function, and from the API document the operation ids of
        GET routes (`reads`) and the names of ids in paths (`ids`).
        """
        self._deployments = deployments
        self._functions = functions
        self._readiness = readiness
        self._reads = reads
        path = _REQUEST["pathParameters"] | dict.fromkeys(ids, _NOBODY)
        self._request = _REQUEST | {"pathParameters": path}

    def run(self, deployment: str, hook: str) -> "LifecycleEventStatusType":
        """Check a deployment and report the status to CodeDeploy, which waits an hour for it."""
        log = logger()
        status: LifecycleEventStatusType = "Failed"
        try:
            for name, version in self._targets(deployment):
                self._check(name, version)
                log.info("version healthy", target=name, version=version)
            self._check(self._readiness, "live")
        except Exception:
            # A deployment that cannot be checked must not continue.
            log.exception("version unhealthy", deployment=deployment)
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
        info = self._deployments.get_deployment(deploymentId=deployment)["deploymentInfo"]
        # A deployment names its revision only; a second call returns the content.
        found = self._deployments.get_application_revision(
            applicationName=info["applicationName"], revision=_without_content(info["revision"])
        )["revision"]
        app_spec = found.get("appSpecContent") or found.get("string") or {}
        resources = json.loads(app_spec["content"])["Resources"]
        targets = [
            (resource["Properties"]["Name"], resource["Properties"]["TargetVersion"])
            for by_name in resources
            for resource in by_name.values()
        ]
        if not targets:
            raise UnhealthyVersion("the deployment names no function")
        return targets

    def _check(self, name: str, version: str) -> None:
        """Raise `UnhealthyVersion` unless the version responds without a server error."""
        result = self._functions.invoke(
            FunctionName=name,
            Qualifier=version,
            Payload=json.dumps(self._request | ({} if self._is_read(name) else _REJECTED)),
        )
        response = json.loads(result["Payload"].read())
        if "FunctionError" in result:
            raise UnhealthyVersion(f"{name}:{version} fails: {response.get('errorType')}")
        if "policyDocument" not in response and not 200 <= response.get("statusCode", 0) < 500:
            raise UnhealthyVersion(f"{name}:{version} responds with {response.get('statusCode')}")

    def _is_read(self, name: str) -> bool:
        """Return whether a function serves a GET route, so that executing it changes nothing.

        The name is the stack's and the logical id, which is the operation id of the route,
        capitalized. Any other name gets the rejected request.
        """
        _, _, logical_id = name.rpartition("-")
        return logical_id[:1].lower() + logical_id[1:] in self._reads


def _without_content(revision: "RevisionLocationTypeDef") -> "RevisionLocationTypeDef":
    """Return the type and digest of a revision: CodeDeploy does not accept empty content."""
    parts: Any = {
        key: {"sha256": part["sha256"]} if isinstance(part, dict) and "sha256" in part else part
        for key, part in revision.items()
    }
    location: RevisionLocationTypeDef = parts
    return location
