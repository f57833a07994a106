"""OAuth client libraries of Node.js on a deployed stack, by tests in JavaScript."""

import json
import os
import subprocess

import jwt
import pytest

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.fixtures import PASSWORD
from tests.support.oauth_browser import RegisteredClient
from tests.support.sam_template import ROOT


@pytest.mark.parametrize("library", ["openid-client", "oauth4webapi"])
def test_library_passes_every_flow(
    shop: DeployedShop,
    person: Person,
    phone: RegisteredClient,
    server: RegisteredClient,
    library: str,
) -> None:
    claims = jwt.decode(shop.admin.grant["accessToken"], options={"verify_signature": False})
    stack_info = {
        "url": shop.url_of_issuer,
        "audience": claims["aud"],
        "person": {"id": person.id, "email": person.email, "password": PASSWORD},
        "phone": {"id": phone.id, "redirectUri": phone.redirect_uri},
        "server": {"id": server.id, "redirectUri": server.redirect_uri, "secret": server.secret},
    }

    done = subprocess.run(
        ["node", "--test", "--test-reporter", "spec", f"{library}.test.js"],
        cwd=ROOT / "tests/clients/oauth",
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
