"""The Python client on a deployed stack, by its own tests in an environment with its wheel."""

import json
import os
import subprocess
from dataclasses import asdict

from tests.support.deployed_shop import DeployedShop
from tests.support.installed_files import remedy, shared_files, site_packages
from tests.support.sam_template import ROOT

# The environment is created by `make test-clients`.
PYTHON = ROOT / ".local/clients/shop-backend-client/environment/bin/python"
CLIENT = ROOT / "clients/python"


def test_python_client_environment_files_belong_to_one_distribution() -> None:
    shared = shared_files(site_packages(PYTHON.parents[1]))

    assert not shared, remedy(shared)


def test_python_client_completes_a_purchase(shop: DeployedShop) -> None:
    service = shop.oauth_client(
        redirectUris=[], grantTypes=["client_credentials"], scopes=["admin:orders:read"]
    )
    program = shop.oauth_client(
        type="public",
        redirectUris=["http://127.0.0.1/callback"],
        grantTypes=["authorization_code", "refresh_token"],
        scopes=["orders:read"],
    )
    stack_info = {
        "url": shop.url,
        "admin": asdict(shop.admin_account),
        "service": [service["id"], service["secret"]],
        "program": program["id"],
    }

    done = subprocess.run(
        [PYTHON, "-m", "pytest", "--config-file", CLIENT / "pyproject.toml", "tests/deployed"],
        cwd=CLIENT,
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
