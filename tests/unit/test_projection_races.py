"""Three who project one user at once leave in search what the user is."""

from collections.abc import Callable, Iterable, Sequence

from shop.projections.models import Deleted, Entity, Kind, Reading, State
from shop.projections.service import Overtaken, ProjectionService
from shop.search import grams_of

ADA = Entity(Kind.USERS, "ada")


class Store:
    """One user, what is projected of it, and the texts that each of its search rows says."""

    def __init__(self, name: str) -> None:
        self.user = State(1, "active", (name,))
        self.projected: State | Deleted | None = None
        self.rows: dict[str, Sequence[str]] = {}
        self.before_write: list[Callable[[], None]] = []

    def rename(self, name: str) -> None:
        self.user = State(self.user.version + 1, "active", (name,))

    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]:
        return [Reading(entity, self.user, self.projected) for entity in entities]

    def write_search(
        self, entity: Entity, state: State | None, put: Iterable[str], drop: Iterable[str]
    ) -> None:
        if self.before_write:
            self.before_write.pop(0)()
        for gram in drop:
            self.rows.pop(gram, None)
        if state is not None:
            self.rows |= dict.fromkeys(put, state.texts)

    def advance(self, readings: Sequence[Reading]) -> None:
        (reading,) = readings
        if reading.projected != self.projected:
            raise Overtaken
        self.projected = reading.state

    def rows_of(self, *texts: str) -> dict[str, Sequence[str]]:
        return dict.fromkeys(grams_of(texts), texts)


def project(store: Store) -> None:
    assert ProjectionService(store).project([ADA]) == {}


def test_who_puts_right_what_a_second_overtook_is_overtaken_by_a_third() -> None:
    store = Store("Ada Lovelace")
    project(store)
    store.rename("Ada Byron")

    def second() -> None:
        project(store)
        store.before_write = [third]

    def third() -> None:
        store.rename("Countess of Nowhere")
        project(store)

    # The first is overtaken while it writes, and again while it puts right what it wrote.
    store.before_write = [second]

    project(store)

    assert store.user.texts == ("Countess of Nowhere",)
    assert store.rows == store.rows_of("Countess of Nowhere")


def test_what_is_projected_already_is_read_once_and_not_written() -> None:
    store = Store("Ada Lovelace")
    project(store)
    store.rows = {}

    project(store)

    assert store.rows == {}
