"""Alarms, dashboard and saved queries are deployed, and refer to the stack's own resources."""

import json
import re
from typing import Any

from tests.support.deployed_shop import Shop
from tests.support.sam_template import resources


def deployed_dashboard(shop: Shop) -> dict[str, Any]:
    found = shop.stack.client("cloudwatch").get_dashboard(DashboardName="shop-local")
    body: dict[str, Any] = json.loads(found["DashboardBody"])
    return body


def test_every_alarm_is_deployed_and_publishes_to_the_topic(shop: Shop) -> None:
    names = {name: shop.resources[name] for name in resources("AWS::CloudWatch::Alarm")}
    pages = shop.stack.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}

    assert found.keys() == set(names.values())
    for physical in names.values():
        assert physical.startswith("shop-local-")
        assert found[physical]["AlarmActions"] == [shop.resources["AlarmTopic"]]
        severity, link = found[physical]["AlarmDescription"].split(": ", 1)
        assert severity in ("page", "ticket")
        assert re.search(r" See docs/runbooks/[a-z-]+\.md$", link)


def test_dashboard_has_the_deployed_alarms_queues_and_rules(shop: Shop) -> None:
    body = json.dumps(deployed_dashboard(shop))
    bus = shop.resources["Bus"]
    rules = shop.stack.client("events").list_rules(EventBusName=bus)["Rules"]

    for alarm in resources("AWS::CloudWatch::Alarm"):
        assert shop.resources[alarm] in body
    for queue in resources("AWS::SQS::Queue"):
        assert json.dumps(shop.resources[queue].rpartition("/")[2]) in body
    assert len(rules) == 3
    for rule in rules:
        assert json.dumps(["EventBusName", bus, "RuleName", rule["Name"]])[1:-1] in body
    assert not [word for word in ("Fn::", '"Ref"', "${") if word in body]


def test_dashboard_searches_functions_and_tables_by_their_deployed_names(shop: Shop) -> None:
    body = json.dumps(deployed_dashboard(shop))
    assert "FunctionName=shop-local'" in body and "TableName=shop-local'" in body
    for function in resources("AWS::Serverless::Function"):
        assert shop.resources[function] == f"shop-local-{function}"
    for table in resources("AWS::DynamoDB::Table"):
        assert shop.resources[table].startswith("shop-local-")


def test_saved_queries_are_deployed(shop: Shop) -> None:
    for query in resources("AWS::Logs::QueryDefinition"):
        assert shop.resources[query]
