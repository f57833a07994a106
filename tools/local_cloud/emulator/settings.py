"""Settings of the emulator, from its command line."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Settings:
    """Ports, files and options of one emulator."""

    port: int
    api_port: int
    api_name: str
    region: str
    state: Path
    function_log: Path
    traces: Path
    permission_log: Path
    sample: bool = True
    endpoints: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[str] = ()
    debug: str = ""
    debug_port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint_of(self, function: str) -> str:
        """Return the AWS endpoint of a function: of the longest matching part, or this one."""
        parts = [part for part in self.endpoints if part in function]
        return self.endpoints[max(parts, key=len)] if parts else self.endpoint

    def logical_id(self, function: str) -> str:
        """Return the logical id in the physical name of a function."""
        return function.removeprefix(f"{self.api_name}-").partition("-")[0]

    def is_debugged(self, function: str) -> bool:
        return bool(self.debug) and self.logical_id(function) == self.debug

    @property
    def debugpy(self) -> str:
        """The folder to import debugpy from; raises LookupError if it is not installed."""
        found = find_spec("debugpy")
        if found is None or found.origin is None:
            raise LookupError("debugpy is not installed: run make environments")
        return str(Path(found.origin).parent.parent)

    def environment(self) -> dict[str, str]:
        """Return the whole environment for ministack, with nothing of the caller's."""
        temporary = self.state / "tmp"
        return {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": self.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # Stop idle environments of a burst early: each takes 60 MB.
            "LAMBDA_WARM_TTL_SECONDS": "60",
            "TMPDIR": str(temporary),
            "STATE_DIR": str(self.state / "ministack"),
            "S3_DATA_DIR": str(self.state / "s3"),
            "HOME": str(temporary),
            "PATH": "/usr/bin:/bin",
        }


def read_settings(arguments: list[str]) -> Settings:
    parser = ArgumentParser(prog="tools.local_cloud.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the AWS APIs")
    parser.add_argument("--api-port", type=int, required=True, help="port of the deployed REST API")
    parser.add_argument("--api-name", required=True, help="name of the REST API on --api-port")
    parser.add_argument("--region", required=True)
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for state, emptied at start"
    )
    parser.add_argument("--function-log", type=Path, required=True, help="JSON lines")
    parser.add_argument("--permission-log", type=Path, required=True, help="JSON lines")
    parser.add_argument("--traces", type=Path, required=True, help="JSON lines")
    parser.add_argument(
        "--no-sample", dest="sample", action="store_false", help="do not trace requests"
    )
    parser.add_argument(
        "--endpoints",
        type=json.loads,
        default={},
        help="AWS endpoints by part of a function's name, if not this emulator; JSON",
    )
    parser.add_argument(
        "--sources",
        type=json.loads,
        default=[],
        help="source folders: logs name these files, and hold exception messages; JSON",
    )
    parser.add_argument("--debug", default="", help="logical id of a function to debug")
    parser.add_argument("--debug-port", type=int, default=0, help="port for debuggers")
    return Settings(**vars(parser.parse_args(arguments)))
