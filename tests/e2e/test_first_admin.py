"""The first admin of a deployment, created as docs/deploying.md describes, and in no other way."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.deployed_shop import Shop, new_email
from tests.support.fixtures import PASSWORD
from tests.support.sam_template import ROOT


def create_admin(shop: Shop, folder: Path, **fields: str) -> subprocess.CompletedProcess[str]:
    event = folder / "admin.json"
    event.write_text(json.dumps({"name": "Ada", "password": PASSWORD} | fields))
    return subprocess.run(
        [".venv-sam/bin/sam", "remote", "invoke", "CreateAdmin"]
        + ["--config-env", "default", "--event-file", str(event)],
        cwd=ROOT,
        env=shop.stack.environment(),
        capture_output=True,
        text=True,
    )


def test_admin_is_created_once_per_address(shop: Shop, tmp_path: Path) -> None:
    email = new_email()

    first = create_admin(shop, tmp_path, email=email)
    before = shop.everything()
    second = create_admin(shop, tmp_path, email=email.upper(), password="another long password")
    after = shop.everything()

    admin = shop.log_in(email)
    profile = admin.http.get("/api/users/me").json()
    assert json.loads(first.stdout) == {"id": profile["id"]} and profile["role"] == "admin"
    assert "EmailInUse" in second.stdout + second.stderr
    assert after == before
    # The other tests need exactly one admin.
    assert admin.http.delete("/api/users/me").status_code == 204


def test_existing_account_is_not_promoted(shop: Shop, tmp_path: Path) -> None:
    person = shop.sign_up()
    before = shop.everything()

    done = create_admin(shop, tmp_path, email=person.email)

    assert "EmailInUse" in done.stdout + done.stderr
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("function", "callers"),
    [("CreateAdmin", set()), ("RotateSigningKeys", {"events.amazonaws.com"})],
)
def test_gateway_cannot_invoke_operator_functions(
    shop: Shop, function: str, callers: set[str]
) -> None:
    lambda_, name = shop.stack.client("lambda"), shop.stack.resources()[function]
    found: set[Any] = set()
    for qualifier in ({}, {"Qualifier": "live"}):
        try:
            policy = lambda_.get_policy(FunctionName=name, **qualifier)["Policy"]
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException"
            continue
        found |= {
            statement["Principal"]["Service"] for statement in json.loads(policy)["Statement"]
        }

    assert found == callers
