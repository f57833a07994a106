"""The gateway's own log lines: off unless wanted, and nothing secret or personal in them."""

import json
import re

import pytest

from tests.support.sam_template import resources, template

SETTING = resources("AWS::Serverless::Api")["Api"]["AccessLogSetting"]["Fn::If"]
separator, parts = SETTING[1]["Format"]["Fn::Join"]
FORMAT = separator.join(parts)


def test_access_logs_are_off_unless_wanted() -> None:
    condition, _, otherwise = SETTING

    assert template()["Conditions"][condition] == {"Fn::Equals": [{"Ref": "AccessLogs"}, "on"]}
    assert template()["Parameters"]["AccessLogs"]["Default"] == "off"
    assert otherwise == {"Ref": "AWS::NoValue"}


def test_a_line_is_one_json_object_whatever_the_gateway_fills_in() -> None:
    line = json.loads(re.sub(r"\$context\.[\w.]+", "-", FORMAT))

    assert {"request_id", "xray_trace_id", "route", "status", "milliseconds"} <= line.keys()
    assert set(line.values()) == {"-"}


@pytest.mark.parametrize(
    "secret", ["path", "identity", "requestOverride", "principalId", "messageString"]
)
def test_a_line_tells_no_path_with_its_tokens_and_nobodys_address(secret: str) -> None:
    assert not re.search(rf"\$context\.(\w+\.)*{secret}\b", FORMAT)


def test_the_group_is_kept_as_long_as_the_others_and_waits_for_the_right_to_write() -> None:
    group = template()["Resources"]["GatewayLogs"]

    assert SETTING[1]["DestinationArn"] == {"Fn::GetAtt": "GatewayLogs.Arn"}
    assert group["Condition"] == "LogsAccess"
    [tag] = group["Properties"]["Tags"]
    account = {"Ref": "ApiGatewayAccount"}
    assert tag["Value"] == {"Fn::If": ["CreatesApiGatewayAccount", account, "elsewhere"]}
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", ["ApiGatewayAccount", "ApiGatewayRole"])
def test_what_all_apis_of_the_account_write_with_is_made_if_wanted_and_stays(name: str) -> None:
    resource = template()["Resources"][name]

    assert resource["Condition"] == "CreatesApiGatewayAccount"
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert template()["Parameters"]["CreateApiGatewayAccount"]["Default"] == "false"


def test_the_gateway_sends_no_metrics_by_method_which_are_paid_for() -> None:
    for setting in resources("AWS::Serverless::Api")["Api"]["MethodSettings"]:
        assert "MetricsEnabled" not in setting
