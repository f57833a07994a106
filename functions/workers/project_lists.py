"""Streams of users, orders and products: keep the totals of lists and what search finds true."""

from collections.abc import Iterable, Sequence

from shop.observability import logger
from shop.projections.provide import projections
from shop.projections.records import changed_entity
from shop.streams import Record, stream_worker


@stream_worker
def handler(records: Sequence[Record]) -> Iterable[Record]:
    """Brings up what the records are about, and gives back those where it could not."""
    entities = {record: entity for record in records if (entity := changed_entity(record))}
    failed = projections().project(entities.values())
    for entity, error in failed.items():
        logger().error("not projected", entity=f"{entity.kind}:{entity.id}", exc_info=error)
    return [record for record, entity in entities.items() if entity in failed]
