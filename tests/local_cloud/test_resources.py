"""The emulator's CloudFormation, where it differs from AWS as it is installed."""

from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.stack import LocalStack


def test_types_without_effect_here_do_not_fail_the_deployment(stack: LocalStack) -> None:
    assert stack.resources()["Alarms"] == "tiny-Alarms"


def test_an_alarm_on_several_metrics_is_there_and_rests(stack: LocalStack) -> None:
    name = stack.resources()["Share"]

    (alarm,) = stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]

    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    assert alarm["Threshold"] == 1


def test_reserved_concurrency_of_the_template_is_applied(stack: LocalStack) -> None:
    found = stack.client("lambda").get_function_concurrency(
        FunctionName=stack.resources()["Single"]
    )

    assert found["ReservedConcurrentExecutions"] == 1


def test_a_secret_without_a_value_has_none(stack: LocalStack) -> None:
    with pytest.raises(ClientError) as refused:
        stack.client("secretsmanager").get_secret_value(SecretId=stack.resources()["Untouched"])

    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_reference_to_a_secret_is_its_arn(stack: LocalStack) -> None:
    assert stack.resources()["Secret"].startswith("arn:aws:secretsmanager:")


def test_a_custom_resource_writes_a_secret_as_its_functions_role(stack: LocalStack) -> None:
    secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.resources()["Secret"])

    assert secret["SecretString"] == "made"


def test_a_version_of_a_secret_is_put_once_and_stays_as_it_is(stack: LocalStack) -> None:
    secrets, token = stack.client("secretsmanager"), str(uuid4())
    secret = secrets.create_secret(Name=f"once-{token}", SecretString="before")["ARN"]

    def put(value: str) -> str:
        stored = secrets.put_secret_value(
            SecretId=secret, SecretString=value, ClientRequestToken=token
        )
        version: str = stored["VersionId"]
        return version

    assert put("first") == put("first") == token
    with pytest.raises(ClientError) as refused:
        put("second")

    assert refused.value.response["Error"]["Code"] == "ResourceExistsException"
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "first"
    assert secrets.get_secret_value(SecretId=secret)["VersionId"] == token
