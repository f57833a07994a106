"""Audit lines of operator commands on the deployed stack, and their effect on sessions."""

import json
from typing import Any

from tests.support.deployed_shop import Person, Shop


def audit_lines(shop: Shop, **subject: str) -> list[dict[str, Any]]:
    """Return the audit lines of one subject from the operators' log group."""
    pages = shop.stack.client("logs").get_paginator("filter_log_events")
    found = []
    for page in pages.paginate(logGroupName="/shop-local/ops"):
        for event in page["events"]:
            if "admin action" in event["message"]:
                line = json.loads(event["message"])
                if subject.items() <= line["subject"].items():
                    found.append(line)
    return found


def refresh_status(shop: Shop, person: Person) -> int:
    body = {"refreshToken": person.grant["refreshToken"]}
    return shop.anonymous.post("/api/access-tokens", json=body).status_code
