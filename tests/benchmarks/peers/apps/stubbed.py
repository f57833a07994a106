"""CPU of a request with replayed store responses; runs beside a case's packages."""

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

WARMING, BLOCKS, REQUESTS = 200, 10, 100


def main():
    """Measure handler, event file and response file; print nanoseconds per request by block."""
    handler_name, event, output = sys.argv[1:]
    module, _, name = handler_name.partition(".")
    _replay_calls()
    handler = getattr(importlib.import_module(module), name)
    context = SimpleNamespace(
        aws_request_id="5b3f1c8e-8a58-4c3e-9d1a-0f3f6f3f2a01",
        function_name="function",
        function_version="$LATEST",
        get_remaining_time_in_millis=lambda: 10_000,
        invoked_function_arn="arn:aws:lambda:us-east-1:012345678912:function:function",
        log_group_name="/aws/lambda/function",
        log_stream_name="$LATEST",
        memory_limit_in_mb="512",
    )
    text = Path(event).read_text()
    blocks = []
    for number in range(-WARMING // REQUESTS, BLOCKS):
        # A new object for each, as the runtime parses each event.
        events = [json.loads(text) for _ in range(REQUESTS)]
        began = time.process_time_ns()
        for one in events:
            response = handler(one, context)
        took = time.process_time_ns() - began
        assert response["statusCode"] < 300, response
        if number >= 0:
            blocks.append(took / REQUESTS)
    Path(output).write_text(json.dumps(blocks))


def _replay_calls():
    """The store answers the first call of each operation; later calls replay its response."""
    responses = {}
    if importlib.util.find_spec("botocore") is None:
        import store

        owner, method = store, "_call"
    else:
        from botocore.client import BaseClient

        owner, method = BaseClient, "_make_api_call"
    call = getattr(owner, method)

    def replayed(*arguments):
        name = arguments[-2]
        if name not in responses:
            responses[name] = call(*arguments)
        return responses[name]

    setattr(owner, method, replayed)


if __name__ == "__main__":
    main()
