"""Crowded searches: every trigram has more rows than a page may read, so one of them is scanned."""

from collections.abc import Iterator
from typing import Any

import pytest

from shop.clients import dynamodb
from shop.identity.accounts.models import UserStatus
from shop.pagination import PageRequest
from shop.users import search
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.many_users import BOTH, MAX_ROWS, sign_up_many, walked

ACTIVE = [UserStatus.ACTIVE]


@pytest.fixture(scope="module")
def users() -> Iterator[list[User]]:
    """Created once: no test here changes it."""
    with pytest.MonkeyPatch.context() as patch, fresh_aws():
        patch.setattr(search, "MAX_ROWS", MAX_ROWS)
        yield sign_up_many()


class Meter:
    """Counts queries and the rows they return."""

    def __init__(self) -> None:
        self.queries = self.rows = 0
        # `Any`: botocore passes the response of the operation.
        dynamodb().meta.events.register("after-call.dynamodb.Query", self._count)

    def _count(self, parsed: dict[str, Any], **_: object) -> None:
        self.queries += 1
        self.rows += parsed["Count"]

    def read(self) -> tuple[int, int]:
        read, self.queries, self.rows = (self.queries, self.rows), 0, 0
        return read


@pytest.mark.parametrize("statuses", [BOTH, ACTIVE])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_crowded_search_finds_every_user_once_in_order(
    users: list[User], limit: int, is_descending: bool, statuses: list[UserStatus]
) -> None:
    expected = [user for user in users if user.status in statuses]

    found, _ = walked("MANY", statuses, limit, is_descending)

    assert found == (expected[::-1] if is_descending else expected)


def test_crowded_search_has_no_total(users: list[User]) -> None:
    assert UserRepository().search("many", BOTH, PageRequest(None, 0, 7), False)[1] is None


def test_following_pages_read_one_trigram_and_few_extra_rows(
    users: list[User],
) -> None:
    meter = Meter()
    first, _ = UserRepository().search("many", BOTH, PageRequest(None, 0, 7), True)
    assert meter.read() == (3, 2 * MAX_ROWS + 8)  # "man" and "any", and the page

    UserRepository().search("many", BOTH, PageRequest(first.next_position, 0, 7), True)

    assert meter.read() == (1, 9)  # with the row before the page, and the one after it


def test_numbered_pages_are_consecutive(users: list[User]) -> None:
    pages = [
        UserRepository().search("many", BOTH, PageRequest(None, skipped, 9), False)[0].items
        for skipped in range(0, 27, 9)
    ]

    assert [user for page in pages for user in page] == users[:27]


def test_uncrowded_trigram_makes_the_total_exact(users: list[User]) -> None:
    rows, total = UserRepository().search("many manya", BOTH, PageRequest(None, 0, 3), False)

    assert (len(rows.items), total) == (3, 8)


@pytest.mark.parametrize("text", ["ny", "many"])
@pytest.mark.parametrize("skipped", [0, 20, 60])
def test_page_cut_short_by_its_budget_has_a_next_position(
    users: list[User], text: str, skipped: int
) -> None:
    """Includes an offset beyond the budget."""
    rows, _ = UserRepository().search(text, BOTH, PageRequest(None, skipped, 100), False)
    assert len(rows.items) < 80 - skipped
    assert rows.next_position is not None

    found, pages = walked(text, BOTH, 100, False)
    assert found == users
    assert pages <= 80 // 10


@pytest.mark.parametrize("gram", ["xyz", "gma", "\U0010ffff" * 3, "manyman"])
def test_position_with_a_foreign_trigram_is_accepted(users: list[User], gram: str) -> None:
    after = gram + users[4].id

    rows, _ = UserRepository().search("many", BOTH, PageRequest(after, 0, 7), False)

    assert rows.items == users[5:12]
