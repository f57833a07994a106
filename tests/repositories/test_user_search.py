"""User search by any part of name or email, within a read budget for any number of users."""

from collections.abc import Iterator
from copy import replace
from typing import Any

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.pagination import IndexPage, PageRequest
from shop.projections.dependencies import projections
from shop.projections.models import Entity, Kind
from shop.search import fold, texts_of
from shop.users import search
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON

PEOPLE = [
    ("Ada Lovelace", "ada@analytical.example", "active"),
    ("adam smith", "wealth@nations.example", "active"),
    ("Łukasz Żak", "lukasz@xn--rda.example", "active"),
    ("İbrahim", "i.b@x.example", "inactive"),
    ("王小明", "wang@mail.example", "active"),
    ("Al", "al@b.co", "active"),
    ("100% Pure_*", "pure@x.example", "active"),
    ("Straße Nord", "nord@gmail.com", "active"),
    ("Ada King", "king@gmail.com", "inactive"),
    ("Zoe\u0301 Deschanel", "zoe@x.example", "active"),
    ("İstanbullu", "info@xn--mller-kva.example", "active"),
]
BOTH = [*UserStatus]


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.fixture
def users() -> list[User]:
    """Store users in the order of their ids, and project them."""
    made = [sign_up(*person) for person in PEOPLE]
    project(*made)
    return sorted(made, key=lambda user: user.id)


def sign_up(name: str, email: str, status: str = "active") -> User:
    user = User(
        id=new_id(),
        email=email,
        name=name,
        status=UserStatus(status),
        role=Role.CUSTOMER,
        email_verified=False,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    UserRepository().add(user, "hash")
    return user


def project(*users: User) -> None:
    assert projections().project([Entity(Kind.USERS, user.id) for user in users]) == {}


def walked(
    text: str, statuses: list[UserStatus] = BOTH, limit: int = 100, is_descending: bool = False
) -> list[User]:
    """Return all matches, page by page; a page may be short."""
    found: list[User] = []
    after: str | None = None
    while True:
        rows, _ = UserRepository().search(
            text, statuses, PageRequest(after, 0, limit), is_descending
        )
        assert len(rows.items) <= limit
        found += rows.items
        if rows.next_position is None:
            return found
        assert after is None or (
            rows.next_position < after if is_descending else rows.next_position > after
        )
        after = rows.next_position


TERMS = [
    *("ada", "ADA", "lovelace", "a l", "da", "al", "am", "smith", "@x.", "gmail.com", "@gmail"),
    *("łukasz", "ŁUKASZ", "żak", "王小", "王小明", "小明", "100%", "%", "_*", "STRASSE", "straße"),
    *("istanbullu", "İSTANBULLU", "müller", "info@MÜLLER.example", "xn--mller", "王", "明", "ł"),
    *("ibrahim", "zoé", "zoe\u0301", "zo", ".example", "nobody at all", "xn--", "e", "\u0301"),
]


def test_search_finds_every_user_whose_name_or_email_contains_the_text_once(
    users: list[User],
) -> None:
    for text in TERMS:
        part = fold(text)
        expected = [it for it in users if any(part in its for its in texts_of(it.name, it.email))]
        active = [user for user in expected if user.status is UserStatus.ACTIVE]

        for limit in (1, 3, 100):
            assert walked(text, BOTH, limit) == expected, text
            assert walked(text, BOTH, limit, is_descending=True) == expected[::-1], text
            assert walked(text, [UserStatus.ACTIVE], limit) == active, text
            found = walked(text, [UserStatus.ACTIVE], limit, is_descending=True)
            assert found == active[::-1], text
        _, total = UserRepository().search(text, BOTH, PageRequest(None, 0, 1), True)
        assert total == len(expected), text


def test_numbered_pages_are_consecutive(users: list[User]) -> None:
    everyone = walked("a", limit=100)
    pages = [
        UserRepository().search("a", BOTH, PageRequest(None, skipped, 3), False)[0].items
        for skipped in range(0, 12, 3)
    ]

    assert [user for page in pages for user in page] == everyone


def test_outdated_search_row_finds_no_user(users: list[User]) -> None:
    (ada,) = walked("lovelace")
    UserRepository().save(ada, replace(ada, name="Countess", version=2))
    assert walked("lovelace") == []

    smith = walked("adam smith")[0]
    UserRepository().delete(smith)
    assert walked("adam smith") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("istanbullu", "İstanbullu"),
        ("info@müller.example", "İstanbullu"),
        ("xn--mller-kva", "İstanbullu"),
        ("明", "王小明"),
    ],
)
def test_user_is_found_by_typed_variants_of_a_name(users: list[User], text: str, name: str) -> None:
    assert [user.name for user in walked(text)] == [name]


class Meter:
    """Counts the rows that queries return."""

    def __init__(self) -> None:
        self.rows = 0
        # `Any`: botocore passes the response of the operation.
        dynamodb().meta.events.register("after-call.dynamodb.Query", self._count)

    def _count(self, parsed: dict[str, Any], **_: object) -> None:
        self.rows += parsed["Count"]

    def read(self) -> int:
        rows, self.rows = self.rows, 0
        return rows


def test_search_page_stays_within_its_budget_and_pages_reach_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "MAX_ROWS", 30)
    made = [sign_up(f"Common X-{number}", f"{number}@common.example") for number in range(80)]
    project(*made)
    meter = Meter()
    budget = 30 * (search.MAX_GRAMS + 1)
    for text in ("zz", "common", "common x", "nobody", "x-1", "23"):
        found: list[User] = []
        rows: IndexPage[User] = IndexPage([], None)
        pages, after = 0, None
        while pages == 0 or rows.next_position is not None:
            after = rows.next_position
            rows, total = UserRepository().search(text, BOTH, PageRequest(after, 0, 5), False)
            found += rows.items
            pages += 1
            assert meter.read() <= budget
            if total is not None:
                assert total == len([user for user in made if fold(text) in fold(user.name)])
            assert pages < 100

        expected = [user for user in made if text in fold(user.name) or text in user.email]
        assert found == sorted(expected, key=lambda user: user.id)
        # Pages may be short, but each advances by a good part of its budget.
        assert pages <= len(expected) // 5 + 80 // 10
