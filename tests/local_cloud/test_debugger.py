"""`make run DEBUG=…`: a debugger stops a function beyond all timeouts."""

import json
import subprocess
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.support.debug_client import DebugClient
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.emulator_process import PYTHON, REPOSITORY
from tools.local_cloud.stack import LocalStack, LocalStackFailed

FUNCTION = "Faulty"
# Timeout of the function; that of its integration is shorter.
TIMEOUT_SECONDS = 2.0
DEBUGPY = str(PYTHON.parent.parent / "lib/python3.13/site-packages/debugpy")


@pytest.fixture(scope="module")
def debugged(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    home = tmp_path_factory.mktemp("debugged")
    with LocalStack(
        home, project=tiny_project, is_for_development=True, debug=FUNCTION, debug_port=0
    ) as stack:
        yield stack
    # The debug adapter is a daemon that exits with its function.
    assert eventually(lambda: DEBUGPY not in _commands())


@pytest.fixture
def client(debugged: LocalStack) -> Iterator[DebugClient]:
    with DebugClient(debugged.emulator.debug_port) as client:
        yield client


@pytest.fixture
def source(tiny_project: Path) -> Path:
    """The source file of the function, of which the package has a copy."""
    return tiny_project / "function/faulty.py"


@pytest.fixture
def requests(debugged: LocalStack) -> Iterator["Requests"]:
    with Requests(debugged.url) as requests:
        yield requests


class Requests:
    """Requests on threads, since a debugger stops them."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=url, timeout=HANG_SECONDS, trust_env=False)
        self._pool = ThreadPoolExecutor(4)

    def __enter__(self) -> "Requests":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._http.close()

    def start(self, do: str = "") -> Future[httpx2.Response]:
        return self._pool.submit(self._http.get, "/impatient", params={"do": do})


def line_of(source: Path, text: str) -> int:
    return next(
        number for number, line in enumerate(source.read_text().splitlines(), 1) if text in line
    )


def test_debugged_function_serves_without_a_debugger(requests: Requests) -> None:
    assert requests.start().result(HANG_SECONDS).status_code == 200
    # breakpoint() does not stop without a debugger.
    assert requests.start("break").result(HANG_SECONDS).status_code == 200


def test_breakpoint_in_the_source_stops_a_request_beyond_every_timeout(
    client: DebugClient, requests: Requests, source: Path
) -> None:
    line = line_of(source, "calls += 1")
    client.attach({source: [line]})

    started = requests.start()
    stopped_at = time.monotonic()
    thread, frame = client.stopped_at()
    left = client.ask(
        "evaluate", frameId=frame["id"], expression="_context.get_remaining_time_in_millis()"
    )
    # Sleep past the timeouts of the gateway and of Lambda.
    time.sleep(max(0, stopped_at + 1.5 * TIMEOUT_SECONDS - time.monotonic()))
    client.ask("continue", threadId=thread)
    response = started.result(HANG_SECONDS)

    assert (frame["source"]["path"], frame["line"]) == (str(source), line)
    assert int(left["result"]) > 60 * 60 * 1000
    assert response.status_code == 200
    assert response.elapsed.total_seconds() > TIMEOUT_SECONDS


def test_breakpoint_call_stops_in_the_handler(
    client: DebugClient, requests: Requests, source: Path
) -> None:
    client.attach({})

    started = requests.start("break")
    thread, frame = client.stopped_at()
    client.ask("continue", threadId=thread)

    assert (frame["source"]["path"], frame["name"]) == (str(source), "handler")
    assert started.result(HANG_SECONDS).status_code == 200


def test_requests_wait_while_a_debugged_one_is_stopped(
    client: DebugClient, requests: Requests, source: Path
) -> None:
    client.attach({source: [line_of(source, "calls += 1")]})

    started = [requests.start(), requests.start()]
    for _ in started:
        thread, _ = client.stopped_at()
        client.ask("continue", threadId=thread)

    # Both requests ran in one environment.
    first, second = sorted(int(it.result(HANG_SECONDS).text) for it in started)
    assert second == first + 1


def test_detached_debugger_resumes_requests_and_attaches_again(
    debugged: LocalStack, requests: Requests, source: Path
) -> None:
    lines = {source: [line_of(source, "calls += 1")]}
    with DebugClient(debugged.emulator.debug_port) as client:
        client.attach(lines)
        started = requests.start()
        client.stopped_at()
    # A closed connection resumes the request.
    assert started.result(HANG_SECONDS).status_code == 200
    assert requests.start().result(HANG_SECONDS).status_code == 200

    with DebugClient(debugged.emulator.debug_port) as client:
        client.attach(lines)
        started = requests.start()
        thread, _ = client.stopped_at()
        client.ask("continue", threadId=thread)
        assert started.result(HANG_SECONDS).status_code == 200


def test_new_version_ends_the_session_and_accepts_a_new_one(
    debugged: LocalStack, client: DebugClient, requests: Requests, source: Path
) -> None:
    functions, name = debugged.client("lambda"), debugged.resources()[FUNCTION]
    client.attach({})
    functions.update_function_configuration(FunctionName=name, Description="edited")
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    assert client.is_ended()
    with DebugClient(debugged.emulator.debug_port) as again:
        again.attach({source: [line_of(source, "calls += 1")]})
        started = requests.start()
        thread, frame = again.stopped_at()
        value = again.ask(
            "evaluate",
            frameId=frame["id"],
            expression="os.environ['AWS_LAMBDA_FUNCTION_VERSION']",
        )
        again.ask("continue", threadId=thread)
        assert value["result"] == repr(version)
        assert started.result(HANG_SECONDS).status_code == 200


def test_development_logs_name_the_source_and_the_message(
    debugged: LocalStack, requests: Requests, source: Path
) -> None:
    assert requests.start("raise").result(HANG_SECONDS).status_code == 502

    lines = json.loads(debugged.emulator.function_log.read_text().splitlines()[-1])["lines"]
    line = line_of(source, "raise ValueError")
    assert "[ERROR] ValueError: a secret detail" in lines
    assert f'  File "{source}", line {line}, in handler' in lines


def test_other_functions_keep_their_environment_and_timeout(debugged: LocalStack) -> None:
    with httpx2.Client(base_url=debugged.url, timeout=30, trust_env=False) as api:
        seen = api.get("/echo/1").json()

    assert not any("site-packages" in it for it in seen["path"])


def test_unknown_function_to_debug_is_rejected_with_the_known_ones(tiny_project: Path) -> None:
    with (
        pytest.raises(
            LocalStackFailed, match=r"no function GetNothing to debug. Functions: .*Faulty"
        ),
        LocalStack(tiny_project.with_name("unknown"), project=tiny_project, debug="GetNothing"),
    ):
        raise AssertionError("it started")


def test_debugpy_is_installed_for_the_emulator_only() -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    groups_with_debugpy = [name for name, packages in groups.items() if "debugpy" in str(packages)]

    assert groups_with_debugpy == ["emulator"]
    for requirements in (REPOSITORY / "layers/dependencies").glob("*requirements.txt"):
        assert "debugpy" not in requirements.read_text()


def _commands() -> str:
    return subprocess.run(
        ["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
