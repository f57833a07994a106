"""The import cost of tracing in a sandbox without sampling."""

import json
from pathlib import Path

import pytest

from tests.support.bare_interpreter import LAYERS, run_bare
from tools.local_cloud.stack import LocalStack

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled="


@pytest.fixture(scope="module")
def build(stack: LocalStack) -> Path:
    return stack.home / "build"


def test_tracing_imports_no_other_module(build: Path) -> None:
    code = (
        "import json, boto3, shop.observability; before = set(sys.modules)\n"
        "import shop.tracing; print(json.dumps(sorted(set(sys.modules) - before)))"
    )

    assert json.loads(run_bare(build, LAYERS, code)) == ["shop.tracing"]


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_sampling_imports_no_module_and_opens_the_only_socket(build: Path, sampled: str) -> None:
    code = (
        f"import json, os; os.environ['_X_AMZN_TRACE_ID'] = {HEADER + sampled!r}\n"
        "from shop import clients, tracing\n"
        "client = clients.dynamodb(); opened, before = [], set(sys.modules)\n"
        "make = tracing.socket.socket\n"
        "tracing.socket.socket = lambda *a: (opened.append(a), make(*a))[1]\n"
        "with tracing.traced('request'): tracing.annotate(status=200)\n"
        "print(json.dumps([len(opened), sorted(set(sys.modules) - before)]))"
    )

    opened, loaded = json.loads(run_bare(build, LAYERS, code))

    assert opened == int(sampled)
    assert loaded == []


def test_xray_sdk_is_not_in_the_layer(build: Path) -> None:
    found = {path.name for path in (build / "DependenciesLayer/python").iterdir()}

    assert "boto3" in found
    assert not {name for name in found if "xray" in name or name.startswith("wrapt")}
