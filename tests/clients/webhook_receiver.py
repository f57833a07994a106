"""The receiver in TypeScript, with our client, on a deployed stack; run by `make test-clients`."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed_shop import Shop
from tests.support.sam_template import ROOT
from tests.support.webhook_receiver import Webhooks, running_webhooks

CLIENT = ROOT / "clients/typescript"


@pytest.fixture(scope="module")
def webhooks(shop: Shop) -> Iterator[Webhooks]:
    with running_webhooks(shop) as running:
        yield running


@pytest.fixture
def receiver(tmp_path: Path) -> Path:
    """Compile the receiver of the guide, beside an installed client."""
    modules = tmp_path / "node_modules"
    (modules / "@shop-backend").mkdir(parents=True)
    (modules / "@shop-backend/client").symlink_to(CLIENT)
    (modules / "@types").symlink_to(CLIENT / "node_modules/@types")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    source = tmp_path / "webhook_receiver.ts"
    source.write_text((ROOT / "docs/examples/webhook_receiver.ts").read_text())
    options = ["--module", "nodenext", "--target", "es2022", "--strict", "--skipLibCheck"]
    done = subprocess.run(
        [CLIENT / "node_modules/.bin/tsc", *options, "--types", "node", source],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return source.with_suffix(".js")


def test_receiver_verifies_and_processes_an_event_once(
    shop: Shop, webhooks: Webhooks, receiver: Path
) -> None:
    first = shop.webhook_endpoint(url="http://127.0.0.1:1/in", eventTypes=["order.placed"])
    with subprocess.Popen(
        ["node", receiver],
        env=os.environ | {"PORT": "0", "WEBHOOK_SECRET": first["secret"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("Receiving at ").strip()
            webhooks.patch(first, url=url)
            # Signed with a secret that the receiver does not know.
            other = shop.webhook_endpoint(url=url, eventTypes=["order.placed"])

            [event_id] = webhooks.publish("order.placed", subject="an-order")

            webhooks.wait_for(first, event_id, status="delivered")
            refused = webhooks.wait_for(other, event_id, status="pending")
            assert refused["attempts"][0]["status"] == 400
            assert webhooks.redeliver(first, event_id).status_code == 202
            webhooks.wait_until_idle()
            delivered = webhooks.wait_for(first, event_id, status="delivered")
            assert [it["status"] for it in delivered["attempts"]] == [204, 204]
        finally:
            process.terminate()
        assert process.stdout.read() == "order.placed an-order\n"
