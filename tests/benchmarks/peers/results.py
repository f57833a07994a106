"""docs/performance.json: all that a run found, from which page and plot are written."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from tests.benchmarks.peers.build import Size
from tests.benchmarks.peers.endpoints import Endpoints
from tests.benchmarks.peers.summary import Cold, Summary
from tests.support.sam_template import ROOT

NUMBERS = ROOT / "docs/performance.json"


@dataclass(frozen=True)
class Found:
    size: Size
    GET: Summary
    POST: Summary


@dataclass(frozen=True)
class Results:
    """Times in seconds, sizes in bytes."""

    measured: str  # RFC 3339
    seconds: float  # that it took
    machine: str
    load: float  # of the machine as it began
    cases: dict[str, Found]  # by name
    cold_only: dict[str, Cold]
    dependencies: Size  # of the layer that all functions have
    signing: Size  # of the one more that some have
    endpoints: Endpoints


_RESULTS = TypeAdapter(Results)


def read() -> Results:
    return _RESULTS.validate_json(NUMBERS.read_bytes())


def keep(results: Results) -> None:
    NUMBERS.write_bytes(_RESULTS.dump_json(results, indent=1) + b"\n")
