"""The cookbook as a reader runs it: block after block in one shell, unchanged."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.deployed_shop import Shop
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS

COOKBOOK = (ROOT / "docs/cookbook.md").read_text()
# By heading; the first has no task.
RECIPES = dict(
    part.split("\n", 1) for part in re.split(r"\A# |^## ", COOKBOOK, flags=re.MULTILINE)[1:]
)
# A separator between the outputs of blocks.
CUT = "----- 8< -----"


@pytest.fixture(scope="module")
def printed(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The output of each block, by heading."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / ".local").mkdir()
    shutil.copy(shop.stack.info_file, folder / ".local/stack.json")
    script = f"\necho '{CUT}'\n".join(_block(recipe) for recipe in RECIPES.values())
    return _run(script.replace("http://localhost:8080", shop.url), folder)


def _run(script: str, folder: Path) -> Mapping[str, str]:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split(CUT)
    return dict(zip(RECIPES, outputs, strict=True))


def _block(recipe: str) -> str:
    (block,) = re.findall(r"```sh\n(.*?)```", recipe, re.DOTALL)
    return str(block)


@pytest.mark.parametrize("heading", RECIPES)
def test_every_block_is_accepted(printed: Mapping[str, str], heading: str) -> None:
    assert '"error"' not in printed[heading]


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("Sign up", [r"^HTTP/1.1 201", r"^location: /api/users/", '"emailVerified":false']),
        ("Read your own account", [r'"email":"ada\.\d+@example.com"']),
        ("Add a product and change its stock", ['"stock":25']),
        ("List products", ['"data":', '"name":"Six kiwis"']),
        ("Place an order", [r"^HTTP/1.1 201", "^idempotent-replayed: true", '"total":"4.98"']),
        ("List your orders page by page", ['"nextCursor":"', '"nextCursor":null']),
        ("Cancel an order", ['"status":"cancelled"']),
        (
            "Place an order by RPC",
            ["^HTTP/1.1 200", '"status":"ORDER_STATUS_PENDING"', "^idempotent-replayed: true"],
        ),
        ("List products by RPC", ["^service OrderService", r'"products":\[\{"id":"']),
        (
            "Read your orders with their products by GraphQL",
            ['"data":{"me":{"name":', '"name":"Six kiwis"', '"endCursor":"'],
        ),
        (
            "Place an order by GraphQL",
            ["^HTTP/1.1 200", '"status":"PENDING"', "^idempotent-replayed: true"],
        ),
        (
            "Receive orders by a webhook",
            ['"secret":"whsec_', r'^\{"id":"[0-9a-f-]{36}"\}$', "^HTTP/1.1 204"],
        ),
        (
            "Export your personal data",
            ['"format":"shop-personal-data/1"', '"formerEmails":', '"data":"orders"'],
        ),
        (
            "Turn on a second factor",
            [r"^otpauth://totp/Shop:ada\.\d+@example\.com\?secret=", '"recoveryCodes":'],
        ),
        ("Log in with a second factor", ["^401$", "^HTTP/1.1 201"]),
        ("Turn off a second factor", ['"recoveryCodesLeft":9', "^HTTP/1.1 204"]),
        (
            "Change your email without overwriting other changes",
            [r'"email":"new\.ada\.\d+@example.com"'],
        ),
        ("Change your password", [r"^HTTP/1.1 204"]),
        ("Log out everywhere", [r"^HTTP/1.1 204"]),
    ],
)
def test_block_prints_its_promised_output(
    printed: Mapping[str, str], heading: str, found: list[str]
) -> None:
    for pattern in found:
        assert re.search(pattern, printed[heading], re.MULTILINE | re.IGNORECASE), pattern


def test_repeated_order_block_places_one_order(printed: Mapping[str, str]) -> None:
    first, again = re.findall(r'"id":"([^"]*)","userId"', printed["Place an order"])

    assert first == again
    over_rpc, over_rest = re.findall(r'"id":"([^"]*)","userId"', printed["Place an order by RPC"])
    assert over_rpc == over_rest
    by_graphql = re.findall(r'"id":"([^"]*)","userId"', printed["Place an order by GraphQL"])
    assert len(by_graphql) == 2 and len({*by_graphql}) == 1
    pages = printed["List your orders page by page"]
    assert pages.count('"meta"') == 2
