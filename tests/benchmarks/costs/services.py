"""The other AWS services of functions, over HTTP, so that several processes share them.

moto emulates them in this process: botocore makes each received call, and its response returns.
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
    """The environment variables that direct boto3 to them."""
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
        response = getattr(client, method)(**parameters)
        body = json.dumps(response, default=datetime.timestamp).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the output free of access logs."""
