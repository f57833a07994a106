"""The emulator's CloudFormation, where it differs from AWS as it is installed."""

import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.stack import LocalStack


def test_types_without_effect_here_do_not_fail_the_deployment(stack: LocalStack) -> None:
    assert stack.resources()["Alarms"] == "tiny-Alarms"


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
