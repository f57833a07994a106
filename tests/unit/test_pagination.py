"""A cursor goes on where its own list stopped, and is refused everywhere else."""

import pytest

from shop.errors import BadRequest
from shop.identifiers import is_id
from shop.pagination import read_cursor, write_cursor

POSITION = "01900000-0000-7000-8000-000000000001"


def test_a_cursor_finds_its_position_in_its_own_list() -> None:
    cursor = write_cursor("orders of alice", POSITION)

    assert read_cursor("orders of alice", cursor, is_id) == POSITION
    assert read_cursor("orders of alice", None, is_id) is None


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = write_cursor("orders of alice", POSITION)

    with pytest.raises(BadRequest):
        read_cursor("orders of bob", cursor, is_id)


@pytest.mark.parametrize("position", ["summary", "gate", "", "0", "sku#PEAR"])
def test_a_cursor_to_what_the_list_would_not_show_is_refused(position: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor("orders of alice", write_cursor("orders of alice", position), is_id)


@pytest.mark.parametrize("cursor", ["", "x", "!", "é", "AAAA", "A" * 500, "=", "eyJhIjoxfQ"])
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor("orders of alice", cursor, is_id)


def test_a_cursor_has_one_spelling() -> None:
    cursor = write_cursor("orders of alice", POSITION)

    for other in (cursor + "=", cursor + "==", cursor + "\n", " " + cursor):
        with pytest.raises(BadRequest):
            read_cursor("orders of alice", other, is_id)
