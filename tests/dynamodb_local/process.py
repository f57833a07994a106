"""The process: in memory, on 127.0.0.1 only, without telemetry."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.dynamodb_local.software import software
from tools.local_cloud.emulator_process import tail
from tools.local_cloud.free_port import HOST, free_port

_LAUNCHER = Path(__file__).with_name("Loopback.java")


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Start it and return its URL; raise `NotHere` if it is unavailable."""
    folder, port = software(), free_port()
    log = folder.parents[2] / f"{port}.log"
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",  # starts in 1.5 s instead of 2
        f"-Djava.library.path={folder}/DynamoDBLocal_lib",
        *("-cp", f"{folder}/DynamoDBLocal.jar:{folder}/DynamoDBLocal_lib/*"),
        str(_LAUNCHER),
        *("-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)),
    ]
    # The option alone is too late: the telemetry client is created before it is read.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "DDB_LOCAL_TELEMETRY": "0"}
    with log.open("w") as lines:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=lines, stderr=lines
        )
    try:
        _wait(process, port, log)
        yield f"http://{HOST}:{port}"
    finally:
        process.kill()
        process.communicate()
    log.unlink()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"DynamoDB Local does not respond.\n{tail(log)}")
