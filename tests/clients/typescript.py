"""The TypeScript client on a deployed stack, by its own tests; run by `make test-clients`."""

import json
import os
import subprocess
from dataclasses import asdict

from shop.identity.keys.signing_keys import KeySet
from tests.support.sam_template import ROOT
from tools.local_cloud.stack import LocalStack


def test_typescript_client_completes_a_purchase(stack: LocalStack) -> None:
    assert stack.info.admin is not None
    secret = stack.client("secretsmanager").get_secret_value(
        SecretId=stack.resources()["SigningKeysSecret"]
    )
    stack_info = {
        "url": stack.url,
        "admin": asdict(stack.info.admin),
        "signingKey": KeySet.from_secret(secret["SecretString"]).current.pem,
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
