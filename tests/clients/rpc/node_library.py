"""A client library of Node.js on a deployed stack, by a test in JavaScript."""

import json
import os
import subprocess
from typing import Any

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.sam_template import ROOT


def check_library(
    name: str, shop: DeployedShop, person: Person, product: dict[str, Any], envoy: str = ""
) -> None:
    """Run `<name>.test.js`; `envoy` is the URL of gRPC."""
    stack_info = {
        "url": shop.url,
        "envoy": envoy,
        "admin": {"token": shop.admin.grant["accessToken"]},
        "person": {"id": person.id, "token": person.grant["accessToken"]},
        "product": {"id": product["id"], "name": product["name"]},
    }

    done = subprocess.run(
        ["node", "--test", "--test-reporter", "spec", f"{name}.test.js"],
        cwd=ROOT / "tests/clients/rpc",
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
