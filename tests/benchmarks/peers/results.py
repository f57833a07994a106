"""docs/performance.json: all results of a run, the source of page and plot."""

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
    seconds: float  # duration
    machine: str
    load: float  # of the machine at the start
    cases: dict[str, Found]  # by name
    cold_only: dict[str, Cold]
    over_tls: dict[str, Cold]  # GET of a few cases
    dependencies: Size  # of the layer of all functions
    signing: Size  # of the additional layer of some
    endpoints: Endpoints


_RESULTS = TypeAdapter(Results)


def read() -> Results:
    return _RESULTS.validate_json(NUMBERS.read_bytes())


def keep(results: Results) -> None:
    NUMBERS.write_bytes(_RESULTS.dump_json(results, indent=1) + b"\n")
