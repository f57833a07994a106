"""Streams of users, orders and products: keep the totals of lists and what search finds true."""

from collections.abc import Iterable, Sequence

from shop.entrypoints.stream import stream_worker
from shop.observability import logger
from shop.projections.dependencies import projections
from shop.projections.models import Entity
from shop.projections.records import changed_entity
from shop.stream_records import Record


@stream_worker
def handler(records: Sequence[Record]) -> Iterable[Record]:
    """Brings up what the records are about, and gives back those where it could not."""
    entities: dict[Record, Entity] = {}
    unread: set[Record] = set()
    for record in records:
        try:
            entity = changed_entity(record)
        except Exception as error:
            unread.add(record)
            _tell(f"{record.table}:{record.key['id']}", error)
        else:
            if entity is not None:
                entities[record] = entity
    failed = projections().project(entities.values())
    for entity, why in failed.items():
        _tell(f"{entity.kind}:{entity.id}", why)
    return [it for it in records if it in unread or entities.get(it) in failed]


def _tell(entity: str, error: Exception) -> None:
    logger().error("not projected", entity=entity, exc_info=error)
