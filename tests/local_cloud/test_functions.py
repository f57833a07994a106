"""The emulator's Lambda, where it differs from AWS as it is installed."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack


def test_function_sees_its_package_and_layers_and_nothing_else(
    api: httpx.Client, stack: LocalStack
) -> None:
    seen = api.get("/echo/1").json()

    assert seen["layer"] == "first"
    # The function's own module won over the layer's, or there would be no answer.
    assert not seen["boto3"]
    assert not seen["ministack"]
    own = [stack.home, Path(sys.base_prefix)]
    for path in seen["path"]:
        assert any(Path(path).is_relative_to(it) for it in own), path
        assert "site-packages" not in path


def test_the_environment_is_lambdas_and_nothing_else(api: httpx.Client, stack: LocalStack) -> None:
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
    api: httpx.Client, stack: LocalStack
) -> None:
    roots = {api.get(path).json()["variables"]["LAMBDA_TASK_ROOT"] for path in ("/echo/1",) * 2}
    api.get("/mischief")

    # One package that all functions share, and one layer.
    packages = stack.home / "emulator/packages"
    assert roots == {str(it) for it in packages.iterdir() if (it / "echo.py").exists()}
    assert len(list(packages.iterdir())) == 2


def test_a_handlers_error_leaves_its_environment_as_it_is(api: httpx.Client) -> None:
    before = int(api.get("/mischief").text)

    api.get("/mischief", params={"do": "raise"})

    assert int(api.get("/mischief").text) == before + 2


def test_a_function_that_hangs_is_ended_at_its_timeout(stack: LocalStack) -> None:
    event = json.dumps({"queryStringParameters": {"do": "hang"}})

    answer = stack.client("lambda").invoke(
        FunctionName=stack.resources()["Mischief"], Payload=event.encode()
    )

    assert "Task timed out after 2.00 seconds" in answer["Payload"].read().decode()


def test_a_burst_of_cold_starts_takes_turns_and_what_is_free_first(api: httpx.Client) -> None:
    burst = 6 * max(2, os.process_cpu_count() or 2)
    with ThreadPoolExecutor(burst) as clients:
        answers = list(clients.map(lambda _: api.get("/slow"), range(burst)))

    assert {it.status_code for it in answers} == {200}
    # Else each would have started an environment of its own.
    assert len({it.text for it in answers}) <= burst / 2


def test_a_silent_handler_is_not_waited_for(api: httpx.Client) -> None:
    api.get("/mischief")

    # Plain ministack waits 50 ms for log lines each time, on the fastest machine too.
    assert eventually(lambda: api.get("/mischief").elapsed.total_seconds() < 0.04)


def test_logs_go_to_the_group_of_the_template_in_one_stream_per_environment(
    api: httpx.Client, stack: LocalStack
) -> None:
    streams = {api.get("/echo/1").json()["log_stream"] for _ in range(3)}

    [stream] = streams
    events = stack.client("logs").get_log_events(logGroupName="/tiny/http", logStreamName=stream)
    messages = [it["message"] for it in events["events"]]
    assert '{"level": "INFO", "message": "starting"}' in messages
    assert sum(it.startswith("REPORT RequestId") for it in messages) >= 3


def test_whatever_a_handler_writes_is_log(api: httpx.Client, stack: LocalStack) -> None:
    assert api.get("/mischief", params={"do": "log"}).status_code == 200

    assert _logged(stack.emulator.function_log)[-1]["lines"] == ["printed", "written"]


def test_an_error_is_logged_with_its_stack(api: httpx.Client, stack: LocalStack) -> None:
    api.get("/mischief", params={"do": "raise"})

    lines = _logged(stack.emulator.function_log)[-1]["lines"]
    assert lines[0] == "[ERROR] ValueError: a secret detail"
    # Of the package, as on AWS: only `make run` names the sources.
    (place,) = [it for it in lines if "mischief.py" in it]
    assert f'File "{stack.home / "emulator/packages"}/' in place


def test_breakpoint_without_a_debugger_is_skipped_and_says_how_to_debug(
    api: httpx.Client, stack: LocalStack
) -> None:
    answer = api.get("/mischief", params={"do": "break"})

    assert answer.status_code == 200
    (line,) = _logged(stack.emulator.function_log)[-1]["lines"]
    assert line.startswith("breakpoint() at ") and "mischief.py:" in line
    assert line.endswith(" is skipped. To stop there: make run DEBUG=Mischief")


def test_prompt_of_pdb_ends_at_once(api: httpx.Client, stack: LocalStack) -> None:
    answer = api.get("/mischief", params={"do": "pdb"})

    assert answer.status_code == 502
    assert any("BdbQuit" in it for it in _logged(stack.emulator.function_log)[-1]["lines"])
    # The environment lives, and so does its protocol.
    assert api.get("/mischief").status_code == 200


def test_a_functions_role_may_do_what_its_policy_says_and_no_more(api: httpx.Client) -> None:
    assert api.get("/stored").json() == {"get": 200, "put": "AccessDeniedException"}


def test_an_alias_to_a_version_that_does_not_exist_is_refused(stack: LocalStack) -> None:
    functions, name = stack.client("lambda"), stack.resources()["Stored"]
    before = functions.get_alias(FunctionName=name, Name="live")
    split = {"AdditionalVersionWeights": {"99": 0.5}}

    for call in (
        partial(functions.create_alias, Name="new", FunctionVersion="99"),
        partial(functions.create_alias, Name="new", FunctionVersion="1", RoutingConfig=split),
        partial(functions.update_alias, Name="live", FunctionVersion="99"),
        partial(functions.update_alias, Name="live", RoutingConfig=split),
    ):
        with pytest.raises(ClientError) as refused:
            call(FunctionName=name)
        error = refused.value.response["Error"]
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


# Any: a record is whatever JSON holds.
def _logged(function_log: Path) -> list[Any]:
    return [json.loads(line) for line in function_log.read_text().splitlines()]
