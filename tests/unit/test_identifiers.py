"""Ids are UUIDv7: unique, and sorted by creation time."""

import time
from uuid import UUID

import pytest

from shop.identifiers import canonical_id, is_id, new_id, with_canonical_ids


def test_id_is_a_uuid_of_version_7_with_its_time() -> None:
    before = time.time_ns() // 1_000_000
    value = UUID(new_id())
    after = time.time_ns() // 1_000_000

    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert before <= value.int >> 80 <= after


def test_ids_are_unique_and_sorted_by_time() -> None:
    first = [new_id() for _ in range(1000)]
    time.sleep(0.002)
    later = [new_id() for _ in range(1000)]

    assert len({*first, *later}) == 2000
    assert max(first) < min(later)
    assert all(map(is_id, first))


@pytest.mark.parametrize(
    "text",
    [
        "0190a6b2-7c9e-7b1a-8f00-00000000abcd",
        "0190A6B2-7C9E-7B1A-8F00-00000000ABCD",
        "0190a6b2-7c9e-7b1a-8f00-00000000AbCd",
    ],
)
def test_id_in_any_case_has_one_canonical_form(text: str) -> None:
    assert canonical_id(text) == "0190a6b2-7c9e-7b1a-8f00-00000000abcd"
    assert with_canonical_ids(f"/Prod/api/users/{text}/orders") == (
        "/Prod/api/users/0190a6b2-7c9e-7b1a-8f00-00000000abcd/orders"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me",
        "0190a6b2-7c9e-7b1a-8f00-00000000000",
        "0190A6B2-7C9E-7B1A-8F00-000000000001",
        "0190a6b27c9e7b1a8f00000000000001",
        "{0190a6b2-7c9e-7b1a-8f00-000000000001}",
        "0190a6b2-7c9e-7b1a-8f00-000000000001\n",
    ],
)
def test_non_canonical_id_is_rejected(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ME",
        "0190A6B2-7C9E-7B1A-8F00-00000000000",
        "0190A6B2-7C9E-7B1A-8F00-00000000000G",
        "0190A6B27C9E7B1A8F00000000000001",
        "0190A6B2-7C9E-7B1A-8F00-000000000001\n",
    ],
)
def test_text_that_is_no_uuid_has_no_canonical_form(text: str) -> None:
    assert canonical_id(text) is None
