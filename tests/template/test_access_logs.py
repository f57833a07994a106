"""The gateway's access logs: off by default, without secrets or personal data."""

import json
import re

import pytest

from tests.support.sam_template import resources, template

SETTING = resources("AWS::Serverless::Api")["Api"]["AccessLogSetting"]["Fn::If"]
separator, parts = SETTING[1]["Format"]["Fn::Join"]
FORMAT = separator.join(parts)


def test_access_logs_are_off_by_default() -> None:
    condition, _, otherwise = SETTING

    assert template()["Conditions"][condition] == {"Fn::Equals": [{"Ref": "AccessLogs"}, "on"]}
    assert template()["Parameters"]["AccessLogs"]["Default"] == "off"
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_access_log_line_is_one_json_object_for_any_value() -> None:
    line = json.loads(re.sub(r"\$context\.[\w.]+", "-", FORMAT))

    assert {"request_id", "xray_trace_id", "route", "status", "milliseconds"} <= line.keys()
    assert set(line.values()) == {"-"}


@pytest.mark.parametrize(
    "secret", ["path", "identity", "requestOverride", "principalId", "messageString"]
)
def test_access_log_line_contains_no_token_and_no_ip_address(secret: str) -> None:
    assert not re.search(rf"\$context\.(\w+\.)*{secret}\b", FORMAT)


def test_access_log_group_has_the_common_retention_and_waits_for_its_role() -> None:
    group = template()["Resources"]["GatewayLogs"]

    assert SETTING[1]["DestinationArn"] == {"Fn::GetAtt": "GatewayLogs.Arn"}
    assert group["Condition"] == "LogsAccess"
    [tag] = group["Properties"]["Tags"]
    account = {"Ref": "ApiGatewayAccount"}
    assert tag["Value"] == {"Fn::If": ["CreatesApiGatewayAccount", account, "elsewhere"]}
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", ["ApiGatewayAccount", "ApiGatewayRole"])
def test_account_wide_logging_role_is_optional_and_retained(name: str) -> None:
    resource = template()["Resources"][name]

    assert resource["Condition"] == "CreatesApiGatewayAccount"
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert template()["Parameters"]["CreateApiGatewayAccount"]["Default"] == "false"


def test_gateway_sends_no_paid_metrics_by_method() -> None:
    for setting in resources("AWS::Serverless::Api")["Api"]["MethodSettings"]:
        assert "MetricsEnabled" not in setting
