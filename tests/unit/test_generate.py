"""Derived files: current, and written by one command."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tools import architecture_picture, sample_events
from tools.generate import generated, obsolete
from tools.openapi.document import DOCUMENT, document, endpoints


@pytest.fixture(scope="module")
def derived() -> Mapping[Path, str]:
    return generated()


def test_derived_files_are_current(derived: Mapping[Path, str]) -> None:
    stale = {
        path for path, text in derived.items() if not path.exists() or path.read_text() != text
    }

    assert not stale | obsolete(), "run: make generate"


def test_event_schema_without_an_event_type_is_obsolete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "order.lost.json").touch()
    monkeypatch.setattr("tools.event_schemas.FOLDER", tmp_path)

    assert obsolete() == {tmp_path / "order.lost.json"}


@pytest.mark.parametrize("name", ["products/get_product", "users/get_user", "orders/get_order"])
def test_derived_sample_event_has_the_shape_of_existing_events(name: str) -> None:
    event = sample_events.sample_event(endpoints()[name], json.loads(DOCUMENT.read_text()))

    existing = json.loads((ROOT / f"events/{name.partition('/')[2]}.json").read_text())
    assert event.keys() == existing.keys()
    assert event["requestContext"].keys() == existing["requestContext"].keys()
    assert event["headers"].keys() == existing["headers"].keys()


def test_missing_sample_event_is_derived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_events, "FOLDER", tmp_path)

    missing = sample_events.missing(document())

    assert {path.stem for path in missing} == {it.partition("/")[2] for it in endpoints()}
    create = json.loads(missing[tmp_path / "create_product.json"])
    assert create["requestContext"]["authorizer"]["role"] == "admin"
    assert create["isBase64Encoded"] is True


def test_function_of_a_new_folder_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        architecture_picture, "_functions_by_folder", lambda: {"coupons": ["GetCoupon"]}
    )

    assert "\n  gateway --> coupons[[GetCoupon]]\n" in architecture_picture.page()
