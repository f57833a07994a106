"""Path aliases stand for ids of the caller, on the routes that allow them."""

import pytest

from shop.errors import NotFound
from shop.http.parameters import PathId
from tests.support.fixtures import ALICE, BOB


def test_alias_is_an_id_of_the_caller() -> None:
    assert PathId(me=True).read("me", ALICE) == ALICE.id
    assert PathId(current=True).read("current", ALICE) == ALICE.session_id
    assert PathId(current=True).read(BOB.session_id, ALICE) == BOB.session_id


def test_id_in_upper_case_is_read_in_lower_case() -> None:
    assert PathId().read(BOB.id.upper(), ALICE) == BOB.id
    assert PathId(current=True).read(BOB.session_id.upper(), ALICE) == BOB.session_id


@pytest.mark.parametrize("text", ["me", "current", "gate", "summary", "", "ME", BOB.id[:-1]])
def test_unknown_alias_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        PathId().read(text, ALICE)
    with pytest.raises(NotFound):
        PathId(me=True, current=True).read(text, None)
