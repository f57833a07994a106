"""The table tools, run on the deployed stack, and the lists that the API serves."""

import os
import subprocess
import sys
from typing import Any

from tests.support.deployed_shop import Shop
from tests.support.sam_template import ROOT


def run(shop: Shop, tool: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    ran = subprocess.run(
        [sys.executable, "-m", tool, *arguments, "--local-stack", str(shop.stack.info_file)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers/shop")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    shop.drop_cached_items()
    return ran


def listed(shop: Shop, path: str, expected_ids: set[str]) -> dict[str, dict[str, Any]]:
    """Return the requested items that all pages of a list contain."""
    found: dict[str, dict[str, Any]] = {}
    following: str | None = path
    while following:
        response = shop.admin.http.get(following)
        assert response.status_code == 200, response.text
        found |= {
            item["id"]: item for item in response.json()["data"] if item["id"] in expected_ids
        }
        following = response.links.get("next", {}).get("url")
    return found
