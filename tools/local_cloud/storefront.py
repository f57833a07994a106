"""``make storefront``: the example of a shop in the browser, beside ``make run``."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2

from tools.local_cloud.emulator_process import REPOSITORY

FOLDER = REPOSITORY / "examples/storefront"
INFO_FILE = REPOSITORY / ".local/stack.json"
NOT_RUNNING = "The local stack does not run. Start it with `make run` in another terminal."


def main() -> None:
    environment = os.environ | settings(INFO_FILE)
    with suppress(KeyboardInterrupt):  # Ctrl-C, which ends Vite too
        sys.exit(subprocess.run(["node_modules/.bin/vite"], cwd=FOLDER, env=environment).returncode)


def settings(info_file: Path) -> dict[str, str]:
    """Return the variables of the storefront for a stack that responds; exit without one."""
    try:
        info = json.loads(info_file.read_text())
        httpx2.get(f"{info['url']}/health", timeout=10, trust_env=False).raise_for_status()
    except (FileNotFoundError, httpx2.HTTPError):
        sys.exit(NOT_RUNNING)
    return variables(info["url"], (info["clients"] or {}).get("public", ""))


def variables(url: str, client_id: str) -> dict[str, str]:
    return {"VITE_SHOP_URL": url, "VITE_CLIENT_ID": client_id}


if __name__ == "__main__":
    main()
