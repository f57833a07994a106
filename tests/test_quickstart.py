"""The README's quick start on a fresh clone: its two commands and every line to copy.

The clone also has the tutorial's edits, so that one stack runs the commands of both.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.support.debug_client import DebugClient
from tests.support.printed_output import commands_of, run_commands
from tests.support.sam_template import ROOT
from tests.support.tutorial import PAGE as TUTORIAL
from tests.support.tutorial import apply_tutorial
from tests.support.waiting import HANG_SECONDS, eventually

README = (ROOT / "README.md").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("newcomer") / "shop"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(path)], check=True)
    apply_tutorial(path)
    for command in (
        "make environments",
        "PYTHONPATH=layers/shop .venv/bin/python -m tools.generate",
    ):
        done = subprocess.run(["sh", "-c", command], cwd=path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return path


@pytest.fixture(scope="module")
def running(clone: Path) -> Iterator[str]:
    """`make run` in the clone, until it is ready; stopped by the signal of Ctrl-C.

    It leaves no file in the system's temporary folder.
    """
    # Outside of pytest's folder: the paths of sockets in it would be too long.
    temporary = Path(tempfile.mkdtemp())
    port = free_port()
    ready = clone / ".local/stack.json"
    with (clone / "run.log").open("w") as log:
        command = [
            *("make", "run", f"PORT={port}", f"EMULATOR_PORT={free_port()}"),
            *("DEBUG=GetProduct", f"DEBUG_PORT={free_port()}"),
        ]
        make = subprocess.Popen(
            command,
            cwd=clone,
            env=os.environ | {"TMPDIR": str(temporary)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            # It creates three environments, builds, deploys and seeds.
            assert eventually(lambda: ready.exists() or make.poll() is not None, 4 * HANG_SECONDS)
            assert make.poll() is None, (clone / "run.log").read_text()
            yield f"http://localhost:{port}"
        finally:
            os.killpg(make.pid, signal.SIGINT)
            make.wait(HANG_SECONDS)
    assert not ready.exists()
    assert [*temporary.iterdir()] == []
    temporary.rmdir()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://localhost:{port}/health")


def block_that_begins_with(text: str) -> str:
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(text)]
    return found


def run_in_shell(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_has_the_two_commands() -> None:
    for command in ("make run", "make test"):
        assert command in block_that_begins_with("make run")


def test_quickstart_lines_work_as_printed(clone: Path, running: str) -> None:
    script = block_that_begins_with("URL=").replace("http://localhost:8080", running)

    printed = run_in_shell(script, clone)

    assert '"email":"admin@example.com"' in printed
    assert printed.lower().count("http/1.1 201") == 2
    assert "idempotent-replayed: true" in printed.lower()
    assert '"stock":8,' in printed
    assert '"total":1' in printed
    # A second run replays both responses and changes nothing.
    again = run_in_shell(script, clone)
    product = re.findall(r'"id":"([^"]+)"[^{}]*"sku":"KIWI-6"', printed)
    assert product and product == re.findall(r'"id":"([^"]+)"[^{}]*"sku":"KIWI-6"', again)
    assert again.lower().count("idempotent-replayed: true") == 2
    assert '"stock":8,' in again and '"total":1' in again


@pytest.mark.parametrize("page", [ROOT / "docs/quick-start.md", TUTORIAL], ids=lambda it: it.stem)
def test_commands_of_a_page_print_its_output(clone: Path, running: str, page: Path) -> None:
    run_commands([*commands_of(page.read_text())], clone, running)


def test_make_run_prints_the_logins_and_the_mailbox(clone: Path, running: str) -> None:
    printed = (clone / "run.log").read_text()
    emulator = json.loads((clone / ".local/stack.json").read_text())["emulator"]
    (emails, password) = re.findall(r"^Customers: (.*), password (.*)$", printed, re.MULTILINE)[0]

    for email in emails.split(", "):
        response = httpx2.post(
            f"{running}/api/sessions", json={"email": email, "password": password}
        )
        assert response.status_code == 201, response.text
        assert email in README and password in README
    assert f"Mailbox: {emulator}/_local/mailbox\n" in printed
    # The URL with the default ports.
    assert "<http://localhost:4566/_local/mailbox>" in README
    page = httpx2.get(f"{emulator}/_local/mailbox")
    assert page.status_code == 200 and "Welcome to the shop" in page.text


def test_make_run_prints_oauth_clients(clone: Path, running: str) -> None:
    printed = (clone / "run.log").read_text()
    (public,) = re.findall(r"^OAuth clients: (\S+) \(public", printed, re.MULTILINE)
    (credentials,) = re.findall(r"^  (\S+) \(confidential\), secret (\S+)$", printed, re.MULTILINE)

    form = {"grant_type": "client_credentials"}
    granted = httpx2.post(f"{running}/oauth/token", data=form, auth=credentials)
    refused = httpx2.post(f"{running}/oauth/token", data=form | {"client_id": public})

    assert granted.json()["scope"] == "admin:orders:read"
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


def test_lines_printed_by_make_run_work_as_printed(clone: Path, running: str) -> None:
    printed = (clone / "run.log").read_text()
    lines = [line.strip() for line in printed.splitlines() if re.search(r"\bcurl -", line)]

    output = run_in_shell("\n".join(lines[:3]), clone)

    assert len(lines) >= 3
    assert '"error"' not in output and '"id"' in output


def test_demo_data_is_seeded(clone: Path, running: str) -> None:
    stack = json.loads((clone / ".local/stack.json").read_text())
    admin = httpx2.post(f"{running}/api/sessions", json=stack["admin"]).json()

    assert stack.keys() == {"url", "emulator", "admin", "clients"}
    assert stack["url"].rsplit(":")[-1] == running.rsplit(":")[-1]
    assert admin["tokenType"] == "Bearer"


def test_make_run_debug_stops_a_function_in_its_source(clone: Path, running: str) -> None:
    printed = (clone / "run.log").read_text()
    (port,) = re.findall(r"^Debugger of GetProduct: attach to 127.0.0.1:(\d+)$", printed, re.M)
    source = clone / "functions/products/get_product.py"
    lines = source.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.startswith("    return"))
    product = httpx2.get(f"{running}/api/products").json()["data"][0]

    with DebugClient(int(port)) as client, ThreadPoolExecutor(1) as pool:
        client.attach({source: [line]})
        begun = pool.submit(
            httpx2.get, f"{running}/api/products/{product['id']}", timeout=HANG_SECONDS
        )
        thread, frame = client.stopped_at()
        client.ask("continue", threadId=thread)
        response = begun.result(HANG_SECONDS)

    assert (frame["source"]["path"], frame["line"]) == (str(source), line)
    assert (response.status_code, response.json()) == (200, product)


def test_make_run_shows_messages_and_sources_of_exceptions(clone: Path, running: str) -> None:
    source = clone / "functions/products/list_products.py"
    before = source.read_text()
    broken = re.sub(r"^    return", "    int('not a number')\n    return", before, flags=re.M)
    assert broken != before
    source.write_text(broken)
    try:
        assert eventually(lambda: httpx2.get(f"{running}/api/products").status_code == 500)
        message = "ValueError: invalid literal for int() with base 10: 'not a number'"
        assert eventually(lambda: message in (clone / "run.log").read_text())
    finally:
        source.write_text(before)

    line = broken.splitlines().index("    int('not a number')") + 1
    assert f'File "{source}", line {line}, in handler' in (clone / "run.log").read_text()
    shop = clone / "layers/shop/shop/entrypoints/http.py"
    assert f'File "{shop}", line ' in (clone / "run.log").read_text()
    assert eventually(lambda: httpx2.get(f"{running}/api/products").status_code == 200)


def test_edited_function_is_served(clone: Path, running: str) -> None:
    path = clone / "functions/system/check_health.py"
    path.write_text(
        path.read_text().replace('cache_control="no-store"', 'cache_control="no-cache"')
    )

    assert eventually(
        lambda: httpx2.get(f"{running}/health").headers["Cache-Control"] == "no-cache"
    )


def test_build_is_for_arm64_by_default(clone: Path) -> None:
    subprocess.run(["make", "build"], cwd=clone, check=True, capture_output=True)

    (library,) = (clone / ".aws-sam/build/DependenciesLayer").rglob("_pydantic_core*.so")
    assert library.read_bytes()[18:20] == b"\xb7\x00"  # ELF's e_machine of AArch64
