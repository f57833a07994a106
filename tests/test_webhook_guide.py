"""The guide to webhooks as a reader follows it, with the receiver in Python."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from shop.webhooks import models
from shop.webhooks.signing import secret_text, signed_headers
from tests.support.deployed_shop import Shop
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS
from tests.support.webhook_receiver import Webhooks, running_webhooks
from tools.local_cloud.free_port import free_port

GUIDE = (ROOT / "docs/webhooks.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
# A separator between the outputs of blocks.
CUT = "----- 8< -----"
SECRET = b"s" * 32


@pytest.fixture(scope="module")
def webhooks(shop: Shop) -> Iterator[Webhooks]:
    with running_webhooks(shop) as running:
        yield running


def test_blocks_print_what_the_guide_promises(
    shop: Shop, webhooks: Webhooks, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    shutil.copy(shop.stack.info_file, tmp_path / ".local/stack.json")
    for name in (".venv", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    port = free_port()
    wait_for_receiver = "while ! grep -q Receiving received; do :; done"
    wait_for_ping = "while ! grep -q webhook.ping received; do :; done"
    start, ping, log, change, end = BLOCKS
    start = start.replace("receiver.py &", "receiver.py > received &")
    blocks = [f"{start}\n{wait_for_receiver}", f"{ping}\n{wait_for_ping}", log, change, end]
    script = f"\necho '{CUT}'\n".join(blocks)
    script = script.replace("http://127.0.0.1:8080", shop.url).replace("9000", str(port))

    done = subprocess.run(
        ["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_SECONDS
    )

    assert done.returncode == 0, done.stdout + done.stderr
    _, pinged, logged, changed, ended = done.stdout.split(CUT)
    assert json.loads(pinged).keys() == {"id"}
    assert json.loads(logged)["meta"]["total"] is None
    assert json.loads(changed)["version"] == 2
    assert ended.lstrip().startswith("HTTP/1.1 204")
    received = (tmp_path / "received").read_text()
    assert re.fullmatch(rf"Receiving at http://127.0.0.1:{port}/in\nwebhook.ping \S+\n", received)


@contextmanager
def running_receiver(**variables: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Yield the URL of the receiver in Python, and its process."""
    secret = secret_text(SECRET)
    with subprocess.Popen(
        [".venv/bin/python", "docs/examples/webhook_receiver.py"],
        cwd=ROOT,
        env=os.environ | {"PORT": "0", "WEBHOOK_SECRET": secret} | variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("Receiving at ").strip(), process
        finally:
            process.terminate()


def signed(event: Any, at: int | None = None) -> tuple[dict[str, str], bytes]:
    body = json.dumps(event).encode()
    id_ = event["id"] if isinstance(event, dict) else "x"
    return signed_headers(id_, at or int(time.time()), body, [SECRET]), body


def test_receiver_processes_each_event_once() -> None:
    event = {"id": str(uuid4()), "type": "order.placed", "subject": "an-order"}
    headers, body = signed(event)
    with running_receiver() as (url, process):
        statuses = [httpx2.post(url, headers=headers, content=body).status_code for _ in range(3)]
        other = {**event, "id": str(uuid4()), "type": "user.deleted"}
        headers, body = signed(other)
        assert httpx2.post(url, headers=headers, content=body).status_code == 204
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]

    assert statuses == [204, 204, 204]
    assert lines == ["order.placed an-order\n", "user.deleted an-order\n"]


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": "v1,x"},
        {"webhook-signature": "v1,é"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "1"},
        {"webhook-id": "another"},
        {"webhook-id": ""},
    ],
    ids=lambda it: next(iter(it.items()))[0] + ascii(next(iter(it.values()))),
)
def test_receiver_rejects_what_is_not_authentic(changed: dict[str, str]) -> None:
    headers, body = signed({"id": "1", "type": "order.placed", "subject": "an-order"})
    sent = [(name.encode(), value.encode("latin-1")) for name, value in (headers | changed).items()]
    with running_receiver() as (url, _):
        assert httpx2.post(url, headers=sent, content=body).status_code == 400
        assert httpx2.post(url, content=body).status_code == 400


def test_receiver_accepts_both_secrets_during_a_change() -> None:
    secrets = f"{secret_text(b'n' * 32)} {secret_text(SECRET)}"
    headers, body = signed({"id": "1", "type": "order.placed", "subject": "an-order"})
    with running_receiver(WEBHOOK_SECRET=secrets) as (url, _):
        assert httpx2.post(url, headers=headers, content=body).status_code == 204


def test_numbers_of_the_guide_are_those_of_the_code() -> None:
    hours = sum(wait.total_seconds() for wait in models.WAITS) / 3600

    assert f"{len(models.WAITS) + 1} tries in {hours} hours" in GUIDE
    assert f"After {models.FAILURES_BEFORE_REST} failures in a row" in GUIDE
    failures = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert failures == [it.value for it in models.Failure]
    assert "72 hours without a success" in GUIDE and models.DISABLED_AFTER.days == 3
