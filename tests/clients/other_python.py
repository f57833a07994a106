"""A Python client that another generator builds from the document."""

import json
import os
import subprocess
from dataclasses import asdict

from tests.support.installed_files import remedy, shared_files, site_packages
from tests.support.sam_template import ROOT
from tools.local_cloud.stack import LocalStack

# Environments of the client, created by `make test-clients`.
PYTHON = ROOT / ".local/clients/python/environment/bin/python"


def test_client_environment_files_belong_to_one_distribution() -> None:
    for environment in (ROOT / ".venv-clients", PYTHON.parents[1]):
        shared = shared_files(site_packages(environment))

        assert not shared, remedy(shared)


def test_generated_python_client_can_buy(stack: LocalStack) -> None:
    assert stack.info.admin is not None
    stack_info = {"url": stack.url, "admin": asdict(stack.info.admin)}

    done = subprocess.run(
        [PYTHON, ROOT / "tests/support/client_purchase.py"],
        env=os.environ | {"SHOP_STACK": json.dumps(stack_info)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert done.returncode == 0, done.stdout
