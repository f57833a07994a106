"""What the emulator is told by whoever starts it."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, field
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

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint_of(self, function: str) -> str:
        """Where a function finds AWS: as the longest part of its name says, or here."""
        parts = [part for part in self.endpoints if part in function]
        return self.endpoints[max(parts, key=len)] if parts else self.endpoint

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
    return Settings(**vars(parser.parse_args(arguments)))
