"""The arithmetic of `make bench` and its fairness, without Java and without peers."""

import importlib.util
import json
import tomllib
from copy import replace
from types import ModuleType

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.benchmarks.peers import check as bench_check
from tests.benchmarks.peers import report
from tests.benchmarks.peers.cases import APPS, CASES, POST, Case
from tests.benchmarks.peers.endpoints import check_success, waited_for
from tests.benchmarks.peers.measure import Run
from tests.benchmarks.peers.results import NUMBERS, Results, read
from tests.benchmarks.peers.summary import Spread, spread, summarise
from tests.benchmarks.peers.targets import Target
from tests.benchmarks.peers.workload import PRODUCTS, check
from tests.support.sam_template import functions

TARGET = "DynamoDB_20120810.GetItem"


@pytest.fixture
def sdkless(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The store of the case without an SDK."""
    monkeypatch.setenv("PEERS_TABLE", "peers")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    spec = importlib.util.spec_from_file_location("sdkless", APPS / "stdlib/store.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_case_without_an_sdk_signs_as_the_sdk_does(sdkless: ModuleType) -> None:
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
def test_every_case_has_its_files_and_packages(case: Case) -> None:
    groups = tomllib.loads((APPS.parent / "pyproject.toml").read_text())["dependency-groups"]
    files = {path.name for app in case.apps for path in (APPS / app).glob("*.py")}

    assert case.group is None or case.group in groups
    if case.apps:
        assert {f"{name.partition('.')[0]}.py" for name in case.handlers.values()} <= files


def test_spread_is_of_medians_and_quartiles() -> None:
    assert spread([5, 1, 3, 2, 4]) == Spread(1, 2, 3, 4)
    assert spread([7]) == Spread(7, 7, 7, 7)


def test_percentile_99_ignores_one_request_in_a_hundred() -> None:
    warm = [0.001] * 98 + [0.002, 0.9]
    summary = summarise([Run("shop", POST, 0.3, 0.2, warm, 0.001, 60)], [0.00005])

    assert summary.warm_99 == 0.002
    assert summary.warm.middle == 0.001


def test_invalid_response_is_never_measured() -> None:
    with pytest.raises(ValueError):
        check(POST, {"statusCode": 503, "body": f'{{"id": "{PRODUCTS[2].id}"}}'})
    with pytest.raises(ValueError):
        check(POST, {"statusCode": 201, "body": "{}"})


def test_page_and_plot_have_the_measured_numbers() -> None:
    results, text = read(), report.PAGE.read_text()

    assert report.page(text, results) == text, "make bench-page"
    assert report.PLOT.read_text() == report.plot(results), "make bench-page"


def test_targets_of_the_page_are_those_of_the_numbers() -> None:
    cases = json.loads(NUMBERS.read_text())["cases"]
    row = next(line for line in report.PAGE.read_text().splitlines() if "/ FastAPI + M" in line)
    ours, theirs = (cases[name]["GET"]["cold_cpu"] for name in ("shop", "fastapi"))

    share = float(row.split("|")[3].strip(" *"))

    greater = max(ours[quantile] / theirs[quantile] for quantile in ("lower", "middle"))
    assert share == pytest.approx(greater, abs=0.005)
    assert ("**no**" in row) is (share > 0.43)


def as_fast_as(seconds: float) -> Results:
    """Return the results that the page would get, had the product's cold GET taken so long."""
    results = read()
    get = results.cases["shop"].GET
    faster = replace(get, cold_cpu=Spread(*[seconds] * 4))
    return replace(
        results, cases=results.cases | {"shop": replace(results.cases["shop"], GET=faster)}
    )


def test_missed_target_is_reported() -> None:
    fast, slow = (report.page("", as_fast_as(seconds)) for seconds in (0.001, 10))

    target = "cold start of GET / boto3 + json | 0.82 |"
    assert next(line for line in fast.splitlines() if target in line).endswith("| yes |")
    assert next(line for line in slow.splitlines() if target in line).endswith("| **no** |")
    assert "targets are not met.**" in slow


def test_target_is_compared_with_the_rounded_number() -> None:
    assert Target("", 1.2, 1.2049).is_met
    assert not Target("", 1.2, 1.2051).is_met
    assert not Target("", 30, 30.06, "MB").is_met


RECORDED = {"shop": 0.24, "boto3": 0.2, "powertools-full": 0.3, "fastapi": 0.4}


def test_cold_start_slower_by_half_fails_the_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="too slow beside boto3, powertools-full, fastapi"):
        bench_check.judge(RECORDED, RECORDED | {"shop": 0.37})

    assert "1.85 times that of boto3, recorded 1.20, at most 1.80" in capsys.readouterr().out


def test_slower_machine_and_noise_pass_the_check() -> None:
    bench_check.judge(RECORDED, {name: 3 * seconds for name, seconds in RECORDED.items()})
    bench_check.judge(RECORDED, RECORDED | {"shop": 0.35})


def test_every_function_with_a_waiting_client_is_started_cold() -> None:
    waits = {function.name for function in functions() if function.route} | {"Authorizer"}

    assert {function.name for function in waited_for()} == waits, (
        "let waited_for of tests/benchmarks/peers/endpoints.py include the function"
    )


def test_error_response_is_never_measured_as_an_endpoint() -> None:
    denied = {"policyDocument": {"Statement": [{"Effect": "Deny"}]}}

    for response in ({"statusCode": 401}, {"statusCode": 503}, denied):
        with pytest.raises(ValueError):
            check_success(response)
    check_success({"statusCode": 307})
