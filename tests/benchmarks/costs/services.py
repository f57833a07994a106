"""The services that functions call beside DynamoDB, over HTTP, so that other processes have them.

moto's, asked in this process: what comes is called here by botocore, and its answer goes back.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import shop.clients
from tools.local_cloud.free_port import HOST

_BY_TARGET = {
    "secretsmanager": shop.clients.secrets,
    "AmazonSSM": shop.clients.parameters,
    "AmazonSQS": shop.clients.queues,
    "AWSEvents": shop.clients.events,
}
_ENDPOINTS = ("SECRETS_MANAGER", "SSM", "SQS", "EVENTBRIDGE")


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """The variables by which boto3 finds them."""
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://{HOST}:{server.server_port}"
        yield {f"AWS_ENDPOINT_URL_{name}": url for name in _ENDPOINTS}
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        service, _, operation = self.headers["X-Amz-Target"].partition(".")
        parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        client = _BY_TARGET[service]()
        method = next(
            name
            for name, spelled in client.meta.method_to_api_mapping.items()
            if spelled == operation
        )
        answer = getattr(client, method)(**parameters)
        body = json.dumps(answer, default=datetime.timestamp).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
