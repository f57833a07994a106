"""GraphQL client libraries of Node.js on a deployed stack, by tests in JavaScript."""

import json
import os
import subprocess
from typing import Any

import pytest

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.sam_template import ROOT


@pytest.mark.parametrize("library", ["apollo", "urql", "graphql-request", "audits"])
def test_library_works(
    shop: DeployedShop, person: Person, product: dict[str, Any], library: str
) -> None:
    stack_info = {
        "url": shop.url,
        "person": {"id": person.id, "token": person.grant["accessToken"]},
        "product": {"id": product["id"]},
    }

    done = subprocess.run(
        ["node", "--test", "--test-reporter", "spec", f"{library}.test.js"],
        cwd=ROOT / "tests/clients/graphql",
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
