"""The TypeScript client on a deployed stack, by its own tests; run by `make test-clients`."""

import json
import os
import subprocess
from dataclasses import asdict

from tests.support.deployed_shop import DeployedShop
from tests.support.sam_template import ROOT


def test_typescript_client_completes_a_purchase(shop: DeployedShop) -> None:
    stack_info = {
        "url": shop.url,
        "admin": asdict(shop.admin_account),
        "signingKey": shop.signing_key(),
    }

    done = subprocess.run(
        ["npm", "run", "--silent", "test:deployed"],
        cwd=ROOT / "clients/typescript",
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
