"""What the emulator is told by whoever starts it."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Settings:
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
        """Where a function finds AWS: as the longest part of its name says, or here."""
        parts = [part for part in self.endpoints if part in function]
        return self.endpoints[max(parts, key=len)] if parts else self.endpoint

    def logical_id(self, function: str) -> str:
        """The name in the template of a function that CloudFormation named."""
        return function.removeprefix(f"{self.api_name}-").rpartition("-")[0]

    def is_debugged(self, function: str) -> bool:
        return bool(self.debug) and self.logical_id(function) == self.debug

    @property
    def debugpy(self) -> str:
        """The folder that debugpy is imported from."""
        found = find_spec("debugpy")
        if found is None or found.origin is None:
            raise LookupError("debugpy is not installed: make environments")
        return str(Path(found.origin).parent.parent)

    def environment(self) -> dict[str, str]:
        """All that ministack reads, and nothing of the environment it was started from."""
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
            # What a burst of requests started beyond the first goes soon: each takes 60 MB.
            "LAMBDA_WARM_TTL_SECONDS": "60",
            "TMPDIR": str(temporary),
            "STATE_DIR": str(self.state / "ministack"),
            "S3_DATA_DIR": str(self.state / "s3"),
            "HOME": str(temporary),
            "PATH": "/usr/bin:/bin",
        }


def read_settings(arguments: list[str]) -> Settings:
    parser = ArgumentParser(prog="tools.local_cloud.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the AWS APIs")
    parser.add_argument("--api-port", type=int, required=True, help="of the deployed REST API")
    parser.add_argument("--api-name", required=True, help="name of the REST API to serve there")
    parser.add_argument("--region", required=True)
    parser.add_argument("--state", type=Path, required=True, help="a folder of its own, emptied")
    parser.add_argument("--function-log", type=Path, required=True, help="JSON lines")
    parser.add_argument("--permission-log", type=Path, required=True, help="JSON lines")
    parser.add_argument("--traces", type=Path, required=True, help="JSON lines")
    parser.add_argument("--no-sample", dest="sample", action="store_false", help="no traces")
    parser.add_argument(
        "--endpoints",
        type=json.loads,
        default={},
        help="where functions find AWS, if not here, by parts of their names; JSON",
    )
    parser.add_argument(
        "--sources",
        type=json.loads,
        default=[],
        help="folders of the sources, which logs then name, with messages of exceptions; JSON",
    )
    parser.add_argument("--debug", default="", help="logical id of a function to debug")
    parser.add_argument("--debug-port", type=int, default=0, help="where debuggers attach")
    return Settings(**vars(parser.parse_args(arguments)))
