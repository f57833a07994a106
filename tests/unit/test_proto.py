"""The messages of RPCs: linted, compatible with the last release, and generated."""

import shutil
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tools import proto


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of docs/proto, to change."""
    return Path(shutil.copytree(proto.PROTO, tmp_path / "proto"))


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "shop/v1/shop.proto"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_messages_follow_the_rules_of_buf() -> None:
    proto.lint()


def test_field_in_camel_case_violates_the_rules_of_buf(folder: Path) -> None:
    change(folder, "string user_id = 1;", "string userId = 1;")

    with pytest.raises(proto.ProtoFailed, match="lower_snake_case"):
        proto.lint(folder)


def test_messages_are_compatible_with_the_last_release() -> None:
    proto.check_breaking()


@pytest.mark.parametrize(
    ("old", "new", "violation"),
    [
        ("string sku = 2;", "string sku = 12;", "deleted"),
        ("string currency = 5;", "string coin = 5;", "changed name"),
        ("int32 limit = 4;", "string limit = 4;", "changed type"),
        ("ROLE_ADMIN = 2;", "ROLE_OWNER = 2;", "changed name"),
        ("  rpc GetOrder(GetOrderRequest) returns (GetOrderResponse);\n", "", "deleted"),
    ],
)
def test_incompatible_change_is_found(folder: Path, old: str, new: str, violation: str) -> None:
    change(folder, old, new)

    with pytest.raises(proto.ProtoFailed, match=violation):
        proto.check_breaking(folder)


def test_released_messages_have_no_comments() -> None:
    assert proto.descriptor() and b"Reserves the stock" not in proto.RELEASED.read_bytes()


def test_generated_modules_are_current() -> None:
    stale = {path for path, text in proto.generated().items() if path.read_text() != text}

    assert not stale, "run: make proto"


def test_served_file_is_the_linted_one() -> None:
    linked = ROOT / "docs/proto/shop/v1/shop.proto"

    assert linked.resolve() == ROOT / "layers/shop/shop/docs/shop.proto"
