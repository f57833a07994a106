"""Resource use of each request: CPU in sandboxes, units and calls in process, log lines in both."""

import importlib
import io
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any  # Any: events and responses are JSON

from functions.workers import update_read_models
from shop.observability import logger
from tests.benchmarks.costs import scenario, streams
from tests.benchmarks.costs.calls import counted
from tests.benchmarks.costs.deployed import Deployed
from tests.benchmarks.costs.price import AROUND_LINE, Use
from tests.benchmarks.costs.routes import function_of, is_hashing
from tests.benchmarks.costs.scenario import MEASURED
from tests.benchmarks.lists.ledger import billed_writes
from tests.benchmarks.lists.meter import metered_reads
from tests.benchmarks.peers.build import HOME
from tests.benchmarks.peers.sandbox import Sandbox, sandbox
from tests.support.gateway_events import Context
from tests.support.sam_template import functions

WARMING, HASHING_WARMING = 10, 2  # requests that count neither as cold nor as warm
WORKERS = {
    "update_read_models": ("users", "orders", "products"),
    "publish_events": ("users", "orders"),
}
_BATCHES = 4  # of each route, by each worker, after one uncounted
_METERS = 3
_LATENCY = 0.03  # seconds

type Handler = Callable[[Mapping[str, Any], Context], Mapping[str, Any]]


@dataclass(frozen=True)
class Cold:
    cpu: float  # seconds, from the start of the process to its first response
    init: float  # seconds of it until the end of imports
    peak_bytes: int

    @property
    def first(self) -> float:
        """CPU seconds of the first request, after all imports."""
        return self.cpu - self.init


@dataclass(frozen=True)
class Measured:
    use: Use
    cold: Cold
    afterwards: Mapping[str, Sequence[Use]]  # by worker, one for each written table


def measure(shop: Deployed, rounds: int, warm: int) -> Iterator[tuple[str, Measured]]:
    """Return the medians by route; every round starts a new process for each route."""
    runs: dict[str, list[tuple[Cold, float]]] = defaultdict(list)
    # The first start of each reads its files into the page cache, and is not measured.
    for number in range(rounds + 1):
        for route in MEASURED:
            run = _run(shop, route, warm if number else 1)
            if number:
                runs[route].append(run)
    with _workers(shop) as workers:
        for route in MEASURED:
            cold = Cold(
                median(cold.cpu for cold, _ in runs[route]),
                median(cold.init for cold, _ in runs[route]),
                max(cold.peak_bytes for cold, _ in runs[route]),
            )
            cpu = median(cpu for _, cpu in runs[route])
            yield route, Measured(_use(route, cpu), cold, _afterwards(shop, workers, route))


def _run(shop: Deployed, route: str, warm: int) -> tuple[Cold, float]:
    function = function_of(route)
    name = function.path.stem
    if is_hashing(function):
        warm = min(warm, 5)
    warming = HASHING_WARMING if is_hashing(function) else WARMING
    first, *others = [scenario.request(route) for _ in range(1 + warming + warm)]
    log = HOME / f"costs-{name}.log"
    with (
        sandbox(
            shop.built[function.name], shop.runtime, f"{name}.handler", shop.environment, log
        ) as begun,
        ThreadPoolExecutor(1) as beside,
    ):
        init = beside.submit(_cpu_of_init, begun, log)
        _check(begun.invoke(first)[0], route)
        cold = Cold(begun.cpu_seconds(), init.result(), begun.peak_bytes())
        for event in others[:warming]:
            begun.invoke(event)
        return cold, _cpu_each(begun, others[warming:], route)


def _cpu_of_init(begun: Sandbox, log: Path) -> float:
    """Read the CPU time when the emulator reports the end, some 0.1 ms late."""
    deadline = time.monotonic() + 30
    while "INIT RTDONE" not in log.read_text():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{log} has no line for the end of init")
        time.sleep(0.0005)
    return begun.cpu_seconds()


def _cpu_each(begun: Sandbox, events: Sequence[Mapping[str, Any]], request_name: str) -> float:
    before = begun.cpu_seconds()
    for event in events:
        _check(begun.invoke(event)[0], request_name)
    time.sleep(0.01)  # until the loop requests the next event
    return (begun.cpu_seconds() - before) / len(events)


def _check(response: Mapping[str, Any], request_name: str) -> None:
    if response.get("statusCode", 200) >= 400 or "errorType" in response:
        raise RuntimeError(f"{request_name}: {response}")


def _use(route: str, cpu: float) -> Use:
    events = [scenario.request(route) for _ in range(1 + _METERS)]
    handler = importlib.import_module(function_of(route).module).handler
    _check(handler(events.pop(), Context()), route)
    return _metered(handler, events, cpu)


def _afterwards(
    shop: Deployed, workers: Mapping[str, Sandbox], route: str
) -> Mapping[str, Sequence[Use]]:
    """Each batch has another request's records, since workers recognize duplicates."""
    handler = importlib.import_module(function_of(route).module).handler
    batches: list[streams.Batches] = []
    for _ in range(_METERS + 1 + _BATCHES):
        with streams.batches_of(shop.dynamodb_url) as before:
            event = scenario.request(route)
        for log_text in before.values():
            update_read_models.handler(log_text, Context())
        with streams.batches_of(shop.dynamodb_url) as batch:
            _check(handler(event, Context()), route)
        if not batch:
            return {}
        batches.append(batch)
    found: dict[str, list[Use]] = defaultdict(list)
    for worker, names in WORKERS.items():
        work = importlib.import_module(f"functions.workers.{worker}").handler
        for table in [f"{name}_table" for name in names if f"{name}_table" in batches[0]]:
            of_table = [batch[table] for batch in batches]
            workers[worker].invoke(of_table.pop())
            cpu = _cpu_each(workers[worker], of_table[_METERS:], f"{worker} after {route}")
            found[worker].append(_metered(work, of_table[:_METERS], cpu))
    return found


@contextmanager
def _workers(shop: Deployed) -> Iterator[Mapping[str, Sandbox]]:
    with ExitStack() as stack:
        begun = {}
        for name in WORKERS:
            log = HOME / f"costs-{name}.log"
            built = shop.built[next(it.name for it in functions() if it.path.stem == name)]
            begun[name] = stack.enter_context(
                sandbox(built, shop.runtime, f"{name}.handler", shop.environment, log)
            )
            for _ in range(WARMING):
                begun[name].invoke({"Records": []})
        yield begun


def _metered(handler: Handler, events: Sequence[Mapping[str, Any]], cpu: float) -> Use:
    """Use one meter per event, since meters read too."""
    counting, reading, writing = events
    with counted(_LATENCY) as calls, _logged() as lines:
        handler(counting, Context())
    with metered_reads() as read:
        handler(reading, Context())
    with billed_writes() as written:
        handler(writing, Context())
    log_text = lines.getvalue()
    return Use(
        cpu=cpu,
        round_trips=len(calls.steps()),
        reads=read.units,
        writes=written.units,
        log_bytes=len(log_text.encode()) + AROUND_LINE * log_text.count("\n"),
        messages=sum(call.operation == "SendMessage" for call in calls.made),
        events=log_text.count('"message":"event published"'),
    )


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """Return the lines of the logger, and of its replacement in preflights."""
    stream = io.StringIO()
    handler = logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    try:
        with redirect_stdout(stream):
            yield stream
    finally:
        handler.setStream(before)
