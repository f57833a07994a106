"""Streams of users, orders and products: project changes to totals and search rows."""

from collections.abc import Iterable, Sequence

from shop.entrypoints.stream import stream_worker
from shop.observability import logger
from shop.projections.dependencies import projections
from shop.projections.models import Entity
from shop.projections.records import changed_entity
from shop.stream_records import StreamRecord


@stream_worker
def handler(records: Sequence[StreamRecord]) -> Iterable[StreamRecord]:
    """Project the changed entities; return the records that failed."""
    entities: dict[StreamRecord, Entity] = {}
    unreadable: set[StreamRecord] = set()
    for record in records:
        try:
            entity = changed_entity(record)
        except Exception as error:
            unreadable.add(record)
            _log_failure(f"{record.table}:{record.key['id']}", error)
        else:
            if entity is not None:
                entities[record] = entity
    failed = projections().project(entities.values())
    for entity, cause in failed.items():
        _log_failure(f"{entity.kind}:{entity.id}", cause)
    return [it for it in records if it in unreadable or entities.get(it) in failed]


def _log_failure(entity: str, error: Exception) -> None:
    logger().error("not projected", entity=entity, exc_info=error)
