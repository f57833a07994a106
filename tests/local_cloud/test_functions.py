"""Patches of Lambda: environments, logs, permissions and aliases."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError

from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack


def test_function_imports_from_its_package_and_layers_only(
    api: httpx2.Client, stack: LocalStack
) -> None:
    seen = api.get("/echo/1").json()

    assert seen["layer"] == "first"
    # The layer has a module with the function's name, which the function shadows.
    assert not seen["boto3"]
    assert not seen["ministack"]
    own = [stack.home, Path(sys.base_prefix)]
    for path in seen["path"]:
        assert any(Path(path).is_relative_to(it) for it in own), path
        assert "site-packages" not in path


def test_environment_variables_are_lambdas_only(api: httpx2.Client, stack: LocalStack) -> None:
    variables = api.get("/echo/1").json()["variables"]

    assert variables["GREETING"] == "hello"
    assert variables["AWS_ENDPOINT_URL"] == stack.emulator.endpoint
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/tiny/http"
    assert variables["_HANDLER"] == "echo.handler"
    assert variables["TZ"] == ":UTC"
    assert not {"AUTH", "HOME", "GATEWAY_PORT", "VIRTUAL_ENV", "PYTHONPATH"} & variables.keys()


def test_packages_are_unpacked_once_for_all_environments(
    api: httpx2.Client, stack: LocalStack
) -> None:
    roots = {api.get(path).json()["variables"]["LAMBDA_TASK_ROOT"] for path in ("/echo/1",) * 2}
    api.get("/faulty")

    # One package that all functions share, and one layer.
    packages = stack.home / "emulator/packages"
    assert roots == {str(it) for it in packages.iterdir() if (it / "echo.py").exists()}
    assert len(list(packages.iterdir())) == 2


def test_handler_error_keeps_the_environment(api: httpx2.Client) -> None:
    before = int(api.get("/faulty").text)

    api.get("/faulty", params={"do": "raise"})

    assert int(api.get("/faulty").text) == before + 2


def test_hanging_function_times_out(stack: LocalStack) -> None:
    event = json.dumps({"queryStringParameters": {"do": "hang"}})

    response = stack.client("lambda").invoke(
        FunctionName=stack.resources()["Faulty"], Payload=event.encode()
    )

    assert "Task timed out after 2.00 seconds" in response["Payload"].read().decode()


def test_burst_of_requests_reuses_free_environments(api: httpx2.Client) -> None:
    burst = 6 * max(2, os.process_cpu_count() or 2)
    with ThreadPoolExecutor(burst) as clients:
        responses = list(clients.map(lambda _: api.get("/slow"), range(burst)))

    assert {it.status_code for it in responses} == {200}
    # Without the limit, each request would start an environment.
    assert len({it.text for it in responses}) <= burst / 2


def test_silent_handler_returns_without_delay(api: httpx2.Client) -> None:
    api.get("/faulty")

    # Plain ministack waits 50 ms for log lines each time, on the fastest machine too.
    assert eventually(lambda: api.get("/faulty").elapsed.total_seconds() < 0.04)


def test_environment_logs_to_one_stream_of_the_declared_group(
    api: httpx2.Client, stack: LocalStack
) -> None:
    streams = {api.get("/echo/1").json()["log_stream"] for _ in range(3)}

    [stream] = streams
    events = stack.client("logs").get_log_events(logGroupName="/tiny/http", logStreamName=stream)
    messages = [it["message"] for it in events["events"]]
    assert '{"level": "INFO", "message": "starting"}' in messages
    assert sum(it.startswith("REPORT RequestId") for it in messages) >= 3


def test_handler_output_is_logged(api: httpx2.Client, stack: LocalStack) -> None:
    assert api.get("/faulty", params={"do": "log"}).status_code == 200

    assert _logged(stack.emulator.function_log)[-1]["lines"] == ["printed", "written"]


def test_handler_error_is_logged_with_its_traceback(api: httpx2.Client, stack: LocalStack) -> None:
    api.get("/faulty", params={"do": "raise"})

    lines = _logged(stack.emulator.function_log)[-1]["lines"]
    assert lines[0] == "[ERROR] ValueError: a secret detail"
    # The path in the package, as on AWS; only `make run` names source files.
    (place,) = [it for it in lines if "faulty.py" in it]
    assert f'File "{stack.home / "emulator/packages"}/' in place


def test_breakpoint_without_a_debugger_is_skipped_and_logged(
    api: httpx2.Client, stack: LocalStack
) -> None:
    response = api.get("/faulty", params={"do": "break"})

    assert response.status_code == 200
    (line,) = _logged(stack.emulator.function_log)[-1]["lines"]
    assert line.startswith("breakpoint() at ") and "faulty.py:" in line
    assert line.endswith(" is skipped. To stop there: make run DEBUG=Faulty")


def test_pdb_prompt_raises_at_once(api: httpx2.Client, stack: LocalStack) -> None:
    response = api.get("/faulty", params={"do": "pdb"})

    assert response.status_code == 502
    assert any("BdbQuit" in it for it in _logged(stack.emulator.function_log)[-1]["lines"])
    # The environment still serves requests.
    assert api.get("/faulty").status_code == 200


def test_function_role_has_only_the_permissions_of_its_policy(api: httpx2.Client) -> None:
    assert api.get("/stored").json() == {"get": 200, "put": "AccessDeniedException"}


def test_alias_to_a_missing_version_is_rejected(stack: LocalStack) -> None:
    functions, name = stack.client("lambda"), stack.resources()["Stored"]
    before = functions.get_alias(FunctionName=name, Name="live")
    split = {"AdditionalVersionWeights": {"99": 0.5}}

    for call in (
        partial(functions.create_alias, Name="new", FunctionVersion="99"),
        partial(functions.create_alias, Name="new", FunctionVersion="1", RoutingConfig=split),
        partial(functions.update_alias, Name="live", FunctionVersion="99"),
        partial(functions.update_alias, Name="live", RoutingConfig=split),
    ):
        with pytest.raises(ClientError) as rejected:
            call(FunctionName=name)
        error = rejected.value.response["Error"]
        assert error["Code"] == "ResourceNotFoundException"
        assert error["Message"].startswith("Function not found: arn:aws:lambda:")
        assert error["Message"].endswith(f":function:{name}:99")

    after = functions.get_alias(FunctionName=name, Name="live")
    assert (after["FunctionVersion"], after["RevisionId"]) == (
        before["FunctionVersion"],
        before["RevisionId"],
    )
    assert [it["Name"] for it in functions.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    made = functions.create_alias(FunctionName=name, Name="latest", FunctionVersion="$LATEST")
    assert made["FunctionVersion"] == "$LATEST"
    functions.delete_alias(FunctionName=name, Name="latest")


# Any: a record is any JSON.
def _logged(function_log: Path) -> list[Any]:
    return [json.loads(line) for line in function_log.read_text().splitlines()]
