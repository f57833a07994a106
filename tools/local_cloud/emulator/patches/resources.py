"""CloudFormation: resource types without effect, and properties that ministack drops."""

from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.provisioning import add_resource_type, handlers_of

# Accepted so that the template deploys; they monitor, shift and store nothing here.
WITHOUT_EFFECT = (
    "AWS::ApplicationInsights::Application",
    "AWS::ApplicationSignals::ServiceLevelObjective",
    "AWS::Backup::BackupSelection",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::EventSchemas::Discoverer",
    "AWS::EventSchemas::Registry",
    "AWS::EventSchemas::Schema",
    "AWS::ResourceGroups::Group",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::Synthetics::Canary",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
    "AWS::XRay::Group",
    "AWS::XRay::SamplingRule",
)

# Any: template properties and attributes.
Properties = dict[str, Any]


def apply() -> None:
    accept_types_without_effect()
    apply_reserved_concurrency()
    return_secret_arns()
    make_secret_versions_immutable()
    decode_method_setting_paths()
    accept_metric_math_alarms()


def accept_types_without_effect() -> None:
    for resource_type in WITHOUT_EFFECT:
        handlers = {"create": _do_nothing, "delete": lambda *_: None}
        add_resource_type(resource_type, handlers)


def _do_nothing(logical_id: str, _: Properties, stack: str) -> tuple[str, Properties]:
    physical_id = f"{stack}-{logical_id}"
    return physical_id, {"Arn": f"arn:aws:local:::{physical_id}"}


def apply_reserved_concurrency() -> None:
    """Apply ReservedConcurrentExecutions of a template."""
    handlers = handlers_of("AWS::Lambda::Function")
    create, update = handlers["create"], handlers["update"]
    original = pinned(
        lambda_svc, "_reserved_concurrency", "func config", source='get("concurrency")'
    )

    def with_reserved(
        response: tuple[str, Properties], props: Properties
    ) -> tuple[str, Properties]:
        function = lambda_svc._functions[response[0]]
        declared = props.get("ReservedConcurrentExecutions")
        function["concurrency"] = None if declared is None else int(declared)
        return response

    def created(logical_id: str, props: Properties, stack: str) -> tuple[str, Properties]:
        return with_reserved(create(logical_id, props, stack), props)

    def updated(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Properties]:
        return with_reserved(update(physical_id, old, new, stack, logical_id=logical_id), new)

    def shared(func: Properties, config: Properties) -> int | None:
        # All versions share the limit; ministack reads it from the invoked version.
        limit: int | None = original(lambda_svc._functions.get(config["FunctionName"]), config)
        return limit if limit is not None else original(func, config)

    handlers["create"], handlers["update"] = created, updated
    lambda_svc._reserved_concurrency = shared


def return_secret_arns() -> None:
    """Return the ARN for ``Ref`` of a secret; create no version without a declared value."""
    handlers = handlers_of("AWS::SecretsManager::Secret")
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]
    pinned(provisioners, "_sm_secret_create", source='return name, {"Id": arn, "Arn": arn}')
    resolve = pinned(secretsmanager, "_resolve")

    def created(logical_id: str, props: Properties, stack: str) -> tuple[str, Properties]:
        name, attributes = create(logical_id, props, stack)
        if "SecretString" not in props and "GenerateSecretString" not in props:
            secretsmanager._secrets[name]["Versions"].clear()
        return attributes["Arn"], attributes

    def updated(
        arn: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Properties]:
        _, attributes = update(resolve(arn)[0], old, new, stack, logical_id=logical_id)
        return attributes["Arn"], attributes

    def deleted(arn: str, props: Properties) -> None:
        delete(resolve(arn)[0], props)

    handlers |= {"create": created, "update": updated, "delete": deleted}


def make_secret_versions_immutable() -> None:
    """Ignore an equal value for an existing version, and reject a different one.

    A version is named by its ClientRequestToken.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    """
    original = pinned(
        secretsmanager, "_put_secret_value", "data", source='data.get("ClientRequestToken"'
    )

    # Any: ministack's own responses.
    def put_secret_value(data: Properties) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        version = secret["Versions"].get(token) if secret else None
        if version is None:
            return original(data)
        for kind in ("SecretString", "SecretBinary"):
            if version[kind] != data.get(kind):
                message = f"The version {token} already has another value."
                return error_response_json("ResourceExistsException", message, 400)
        return json_response(
            {
                "ARN": secret["ARN"],
                "Name": secret["Name"],
                "VersionId": token,
                "VersionStages": list(version["Stages"]),
            }
        )

    secretsmanager._put_secret_value = put_secret_value


def decode_method_setting_paths() -> None:
    """Decode paths of method settings: `/~1api~1users` is /api/users."""
    original = pinned(provisioners, "_apigw_method_settings", "raw")

    def method_settings(raw: object) -> Properties:
        if not isinstance(raw, list):
            return dict(original(raw))
        decoded = []
        for setting in raw:
            path = setting.get("ResourcePath", "/*")
            if path not in ("/", "/*") and not path.startswith("/~1"):
                raise ValueError(f"ResourcePath {path} must be written /~1{path[1:]}.")
            decoded.append({**setting, "ResourcePath": path.replace("/~1", "/").replace("~1", "/")})
        return dict(original(decoded))

    provisioners._apigw_method_settings = method_settings


def accept_metric_math_alarms() -> None:
    """Accept alarms on metric math; they are never evaluated."""
    original = pinned(
        provisioners, "_cw_metric_alarm_record", "name props", source='if props.get("Metrics"):'
    )

    def record(name: str, props: Properties) -> Properties:
        if not props.get("Metrics"):
            return dict(original(name, props))
        single = {key: value for key, value in props.items() if key != "Metrics"}
        kept = original(name, {**single, "MetricName": "none", "Namespace": "none"})
        # ministack does not evaluate an alarm without a metric.
        return {**kept, "MetricName": None, "Namespace": None}

    provisioners._cw_metric_alarm_record = record
