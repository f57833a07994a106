"""What a migration is: one function that all of plan, dry run, run and verification ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from shop.dynamo.codec import Item
from tools.migrate import migrations


@dataclass(frozen=True)
class Part:
    """The items of one table.

    `changes` gives the attributes that an item should have and has not, or None. It must give
    None for what it has changed, and for items of later shapes; what it knows besides the item must
    not change back, such as that a user is gone.
    """

    table: Callable[[], str]
    changes: Callable[[Item], Item | None]


@dataclass(frozen=True)
class Migration:
    number: int
    title: str
    parts: Sequence[Part]


def every_migration() -> Mapping[int, Migration]:
    names = [module.name for module in iter_modules(migrations.__path__)]
    found = [import_module(f"{migrations.__name__}.{name}").MIGRATION for name in sorted(names)]
    return {migration.number: migration for migration in found}
