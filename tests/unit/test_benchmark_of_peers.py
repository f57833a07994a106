"""`make bench`, as far as it needs neither Java nor peers: its own arithmetic, and fair play."""

import importlib.util
import tomllib
from types import ModuleType
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.benchmarks.peers.cases import APPS, CASES, POST, Case
from tests.benchmarks.peers.measure import Run
from tests.benchmarks.peers.people import PRODUCTS, check
from tests.benchmarks.peers.plot import Bar, svg
from tests.benchmarks.peers.summary import Spread, spread, summarise

TARGET = "DynamoDB_20120810.GetItem"


@pytest.fixture
def sdkless(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The store of the case that has no SDK."""
    monkeypatch.setenv("PEERS_TABLE", "peers")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    spec = importlib.util.spec_from_file_location("sdkless", APPS / "stdlib/store.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_case_without_an_sdk_signs_as_the_sdk_does(sdkless: ModuleType) -> None:
    body = b'{"TableName": "peers"}'
    ours = sdkless._signed("GetItem", body)
    request = AWSRequest(
        "POST",
        "https://dynamodb.us-east-1.amazonaws.com/",
        data=body,
        headers={"content-type": ours["content-type"], "x-amz-target": TARGET},
    )
    request.context["timestamp"] = ours["x-amz-date"]
    signer = SigV4Auth(Credentials("testing", "testing"), "dynamodb", "us-east-1")
    request.headers["X-Amz-Date"] = ours["x-amz-date"]

    signature = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )

    assert ours["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_its_files_and_its_packages(case: Case) -> None:
    groups = tomllib.loads((APPS.parent / "pyproject.toml").read_text())["dependency-groups"]
    files = {path.name for app in case.apps for path in (APPS / app).glob("*.py")}

    assert case.group is None or case.group in groups
    if case.apps:
        assert {f"{name.partition('.')[0]}.py" for name in case.handlers.values()} <= files


def test_the_spread_is_of_medians_and_quartiles() -> None:
    assert spread([5, 1, 3, 2, 4]) == Spread(1, 2, 3, 4)
    assert spread([7]) == Spread(7, 7, 7, 7)


def test_one_request_in_a_hundred_may_be_slower_than_what_is_told() -> None:
    warm = [0.001] * 98 + [0.002, 0.9]
    summary = summarise([Run("shop", POST, 0.3, 0.2, warm, 0.001, 60)], [0.00005])

    assert summary.warm_99 == 0.002
    assert summary.warm.middle == 0.001


def test_an_answer_that_is_none_is_never_measured() -> None:
    with pytest.raises(ValueError):
        check(POST, {"statusCode": 503, "body": f'{{"id": "{PRODUCTS[2].id}"}}'})
    with pytest.raises(ValueError):
        check(POST, {"statusCode": 201, "body": "{}"})


def test_the_plot_has_a_bar_for_everyone_and_the_fastest_first() -> None:
    bars = [Bar("slow & old", Spread(2, 2, 3, 4), False), Bar("ours", Spread(1, 1, 1, 1), True)]

    texts = [node.text for node in ElementTree.fromstring(svg(bars)).iter() if node.text]

    assert texts.index("ours") < texts.index("slow & old")
