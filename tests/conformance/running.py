"""schemathesis against a stack on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from tests.support.conformance_users import conformance_users
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS
from tools.local_cloud.free_port import HOST
from tools.local_cloud.stack import Admin

HERE = Path(__file__).parent


def run(
    url: str,
    admin: Admin,
    sender: str,
    command: str,
    *options: str,
    quiet: bool = False,
    rate: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run schemathesis; exit code 0 means no failure, and `quiet` captures the output.

    The sender is "ada", or "admin" with access to more operations. The rate limits requests a
    second; deployments on other machines need one.
    """
    assert rate or httpx2.URL(url).host == HOST, f"{url} is not on this machine"
    with TemporaryDirectory() as folder, httpx2.Client(base_url=url, timeout=HANG_SECONDS) as http:
        users_file = Path(folder) / "users.json"
        users_file.write_text(json.dumps(conformance_users(http, admin)))
        arguments = [
            *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
            *("--config-file", str(HERE / "schemathesis.toml")),
            *(command, f"{url}/openapi.json", "--url", url),
            *("--auth-wfc-user", sender, *options),
            *(() if rate is None else ("--rate-limit", f"{rate}/s")),
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/shop")]),
            "SCHEMATHESIS_USERS": str(users_file),
            "SCHEMATHESIS_URL": url,
        }
        return subprocess.run(
            arguments, cwd=folder, env=environment, capture_output=quiet, text=True
        )
