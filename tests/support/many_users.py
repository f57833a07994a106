"""Users whose every trigram has more rows than one search page may read."""

from shop.caller import Role
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.pagination import IndexPage, PageRequest
from shop.projections.dependencies import projections
from shop.projections.models import Entity, Kind
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.fixtures import NOON

MAX_ROWS = 30
BOTH = [*UserStatus]


def sign_up_many() -> list[User]:
    """Store 80 users named "many…", every fourth inactive, every tenth followed by "anya"."""
    made = [sign_up(number) for number in range(80)]
    entities = [Entity(Kind.USERS, user.id) for user in made]
    assert projections().project(entities) == {}
    return sorted(made, key=lambda user: user.id)


def sign_up(number: int) -> User:
    user = User(
        id=new_id(),
        email=f"{number}@gmail.com",
        name="Many Manya" if number % 10 == 0 else "Many",
        status=UserStatus.ACTIVE if number % 4 else UserStatus.INACTIVE,
        role=Role.CUSTOMER,
        email_verified=False,
        created_at=NOON,
        updated_at=NOON,
        version=1,
    )
    UserRepository().add(user, "hash")
    return user


def walked(
    text: str, statuses: list[UserStatus], limit: int, is_descending: bool
) -> tuple[list[User], int]:
    """Return the users found, and the number of pages."""
    found: list[User] = []
    rows: IndexPage[User] = IndexPage([], None)
    pages = 0
    while pages == 0 or rows.next_position is not None:
        rows, _ = UserRepository().search(
            text, statuses, PageRequest(rows.next_position, 0, limit), is_descending
        )
        assert len(rows.items) <= limit
        found += rows.items
        pages += 1
    return found, pages
