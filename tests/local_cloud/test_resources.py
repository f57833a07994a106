"""Patches of CloudFormation, Secrets Manager and CloudWatch Logs."""

import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.stack import LocalStack


def test_resource_types_without_effect_are_deployed(stack: LocalStack) -> None:
    assert stack.resources()["Alarms"] == "tiny-Alarms"


def test_metric_math_alarm_is_deployed_and_not_evaluated(stack: LocalStack) -> None:
    name = stack.resources()["Share"]

    (alarm,) = stack.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]

    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    assert alarm["Threshold"] == 1


def test_reserved_concurrency_is_applied(stack: LocalStack) -> None:
    found = stack.client("lambda").get_function_concurrency(
        FunctionName=stack.resources()["Single"]
    )

    assert found["ReservedConcurrentExecutions"] == 1


def test_secret_without_a_value_has_no_version(stack: LocalStack) -> None:
    with pytest.raises(ClientError) as rejected:
        stack.client("secretsmanager").get_secret_value(SecretId=stack.resources()["Untouched"])

    assert rejected.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_secret_reference_is_its_arn(stack: LocalStack) -> None:
    assert stack.resources()["Secret"].startswith("arn:aws:secretsmanager:")


def test_custom_resource_writes_a_secret_with_its_role(stack: LocalStack) -> None:
    secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.resources()["Secret"])

    assert secret["SecretString"] == "made"


def test_secret_version_is_immutable(stack: LocalStack) -> None:
    secrets, token = stack.client("secretsmanager"), str(uuid4())
    secret = secrets.create_secret(Name=f"once-{token}", SecretString="before")["ARN"]

    def put(value: str) -> str:
        stored = secrets.put_secret_value(
            SecretId=secret, SecretString=value, ClientRequestToken=token
        )
        version: str = stored["VersionId"]
        return version

    assert put("first") == put("first") == token
    with pytest.raises(ClientError) as rejected:
        put("second")

    assert rejected.value.response["Error"]["Code"] == "ResourceExistsException"
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "first"
    assert secrets.get_secret_value(SecretId=secret)["VersionId"] == token


def test_saved_queries_are_put_described_and_deleted(stack: LocalStack) -> None:
    logs, prefix = stack.client("logs"), f"mine-{uuid4().hex[:8]}/"
    name = prefix + "errors"

    def found() -> list[dict[str, Any]]:
        response = logs.describe_query_definitions(queryDefinitionNamePrefix=prefix)
        definitions: list[dict[str, Any]] = response["queryDefinitions"]
        return definitions

    made = logs.put_query_definition(name=name, queryString="fields a", logGroupNames=["/tiny/a"])
    query = made["queryDefinitionId"]
    (first,) = found()
    logs.put_query_definition(queryDefinitionId=query, name=name, queryString="fields b")
    (second,) = found()
    logs.put_query_definition(name=prefix + "other", queryString="fields c")
    page = logs.describe_query_definitions(queryDefinitionNamePrefix=prefix, maxResults=1)
    rest = logs.describe_query_definitions(
        queryDefinitionNamePrefix=prefix, nextToken=page["nextToken"]
    )
    assert logs.delete_query_definition(queryDefinitionId=query)["success"]

    assert (first["name"], first["queryString"]) == (name, "fields a")
    assert first["logGroupNames"] == ["/tiny/a"] and first["lastModified"] > 0
    assert (second["queryDefinitionId"], second["queryString"]) == (query, "fields b")
    assert [it["name"] for it in page["queryDefinitions"]] == [name]
    assert [it["name"] for it in rest["queryDefinitions"]] == [prefix + "other"]
    assert "nextToken" not in rest
    assert [it["name"] for it in found()] == [prefix + "other"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_query_definition(queryDefinitionId=query)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.put_query_definition(queryDefinitionId=query, name=name, queryString="fields a")


def test_saved_queries_of_a_template_are_deployed(stack: LocalStack) -> None:
    (query,) = stack.client("logs").describe_query_definitions(queryDefinitionNamePrefix="tiny/")[
        "queryDefinitions"
    ]

    assert query["name"] == "tiny/starts"
    assert query["logGroupNames"] == ["/tiny/http"]
    assert query["queryString"] == "fields @message | filter @message like /starting/"
    assert query["queryDefinitionId"] == stack.resources()["Starts"]


def test_unsupported_query_is_rejected(
    stack: LocalStack,
) -> None:
    logs, now = stack.client("logs"), int(time.time())

    def run(text: str) -> list[Any]:
        query = logs.start_query(
            logGroupName="/tiny/http", startTime=now - 3600, endTime=now + 60, queryString=text
        )
        results: list[Any] = logs.get_query_results(queryId=query["queryId"])["results"]
        return results

    assert run("fields @message | filter @message like /no such line/ | limit 5") == []
    for text in (
        "filter message = 'request' | stats count(*) by route",
        "fields @message | filter status >= 400",
        "filter @message like 'REQUEST_ID' or level = 'ERROR'",
    ):
        with pytest.raises(ClientError, match="MalformedQueryException"):
            run(text)
