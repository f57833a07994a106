"""X-Ray trace ids of invocations."""

from typing import Any

from ministack.services import lambda_svc

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.traces import Traces


def apply(traces: Traces) -> None:
    continue_request_traces(traces)


def continue_request_traces(traces: Traces) -> None:
    """Give an invocation the trace of its request; ministack starts one for each invocation."""
    pinned(lambda_svc, "_xray_trace_id_for_invocation", "config inbound_trace_header")
    pinned(
        lambda_svc,
        "_execute_function_warm",
        source="trace_id=_xray_trace_id_for_invocation(config)",
    )

    # Any: ministack's own record of a function.
    def header(config: dict[str, Any]) -> str | None:
        mode = (config.get("TracingConfig") or {}).get("Mode")
        return traces.header() if mode == "Active" else None

    lambda_svc._xray_trace_id_for_invocation = header
