"""Definition of a migration: one function per table, used by plan, dry run, run and verify."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from shop.dynamo.codec import Item
from tools.migrate import migrations


@dataclass(frozen=True)
class Part:
    """The migration of one table.

    `changes` returns the attributes to set on an item, or None. It must return None for migrated
    items and for items of later schema versions. Other facts that it uses must be permanent, such
    as the erasure of a user.
    """

    table: Callable[[], str]
    changes: Callable[[Item], Item | None]


@dataclass(frozen=True)
class Migration:
    number: int
    title: str
    parts: Sequence[Part]


def all_migrations() -> Mapping[int, Migration]:
    names = [module.name for module in iter_modules(migrations.__path__)]
    found = [import_module(f"{migrations.__name__}.{name}").MIGRATION for name in sorted(names)]
    return {migration.number: migration for migration in found}
