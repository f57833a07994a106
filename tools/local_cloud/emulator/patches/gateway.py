"""API Gateway: requests to functions and their responses, with errors and limits."""

import asyncio
import base64
import binascii
import json
import logging
import time
from functools import partial
from typing import Any
from urllib.parse import quote

from ministack.core import responses
from ministack.services import apigateway_v1 as gateway

from tools.local_cloud.emulator import gateway_request
from tools.local_cloud.emulator.gateway_request import GatewayRequest
from tools.local_cloud.emulator.patches.environment import DEBUGGING_SECONDS, StartWait, start_wait
from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.settings import Settings
from tools.local_cloud.emulator.traces import Traces

# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
MAX_REQUEST_BYTES = 10 * 1024 * 1024
# Lambda's limit for the payload of a synchronous invocation, including the JSON around a body.
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
# Response headers that API Gateway renames to `x-amzn-Remapped-<name>`.
REMAPPED = frozenset(
    {"authorization", "connection", "content-length", "content-md5", "date", "expect", "host"}
    | {"max-forwards", "server", "te", "trailer", "upgrade", "user-agent", "via"}
    | {"www-authenticate"}
)
PROXY_RESPONSE = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}

log = logging.getLogger("local_cloud")
# SAM adds a stage of this name to the declared one.
SPARE_STAGE = "Stage"
# Any: ministack's own records, errors and responses.
Record = dict[str, Any]
# References to running invocations, which asyncio would garbage-collect otherwise.
_running_calls: set[asyncio.Task[Any]] = set()


class MalformedResponse(ValueError):
    """A function's response is not a valid proxy response."""


def apply(settings: Settings, traces: Traces) -> None:
    handle_requests(traces)
    proxy_functions(settings)


def handle_requests(traces: Traces) -> None:
    pinned(
        gateway,
        "_handle_execute_in_scope",
        "api_id stage_name method path headers body query_params owner_account_id owner_region",
        source='"request_id": new_uuid(),',
    )
    pinned(
        gateway,
        "_execute_in_scope",
        "request api_id stage_name method path headers body query_params "
        "owner_account_id owner_region",
    )
    pinned(gateway, "_gateway_error_response", "error request", source='request["request_id"]')
    gateway._handle_execute_in_scope = partial(_handle, traces)


def proxy_functions(settings: Settings) -> None:
    pinned(
        gateway,
        "_invoke_lambda_proxy_v1",
        "integration api_id stage_name stage resource request_path method headers body "
        "query_params path_params owner_account_id owner_region binary_media_types "
        "authorizer_context caller_identity",
        source="_lambda_proxy_response(result)",
    )
    pinned(gateway, "handle_execute", "api_id stage_name method path headers body query_params")
    pinned(gateway, "_build_lambda_event_v1", source='"sourceIp"')
    pinned(gateway, "_call_lambda_raw", "function_ref event account_id region")
    pinned(gateway, "_media_type_matches", "media_type binary_media_types")
    gateway._invoke_lambda_proxy_v1 = partial(_invoke, settings)


def deployed_stage(api_name: str) -> tuple[str, str] | None:
    """Return the id and the stage of the newest API of one name, or None."""
    newest = None
    for (_, _, api_id), api in gateway._rest_apis.all_items():
        if api["name"] == api_name:
            stages = [name for name in gateway.stages_for_api(api_id) if name != SPARE_STAGE]
            if stages:
                newest = api_id, stages[0]
    return newest


async def handle_request(
    api_id: str,
    stage: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
) -> Any:
    """Return (status, headers, body) of a request to a deployed stage."""
    return await gateway.handle_execute(api_id, stage, method, path, headers, body, query)


async def _handle(
    traces: Traces,
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, list[str]],
    account: str,
    region: str,
) -> Any:
    started = time.time()
    incoming = gateway_request.current.get()
    if incoming is None:
        # The execute-api URL has the stage as first segment of its path.
        client = responses._request_client_ip.get() or "127.0.0.1"
        incoming = GatewayRequest(f"/{stage_name}{quote(path)}", client, list(headers.items()))
        gateway_request.current.set(incoming)
    request = {
        "api_id": api_id,
        "stage_name": stage_name,
        "stage": gateway._stages_v1.get(api_id, {}).get(stage_name),
        "headers": headers,
        "query_params": query_params,
        "path_params": {},
        "resource_path": "",
        "request_id": incoming.request_id,
    }
    if request["stage"] and len(body or b"") > MAX_REQUEST_BYTES:
        response = _too_long()
    else:
        try:
            response = await gateway._execute_in_scope(
                request, api_id, stage_name, method, path, headers, body, query_params,
                account, region,
            )  # fmt: skip
        except Exception:
            log.exception("%s %s failed in the emulator", method, path)
            response = _bad_gateway()
    if isinstance(response, gateway._GatewayError):
        if response.response_type == "MISSING_AUTHENTICATION_TOKEN" and "authorization" in headers:
            response = _incomplete_signature(headers["authorization"])
        response = _render_error(response, request)
    status, response_headers, content = response
    route = f"{method} {request['resource_path']}"
    traces.keep_request(incoming, f"{api_id}/{stage_name}", route, status, started)
    replaced = {"x-amzn-requestid", "x-amz-apigw-id"}
    kept = {name: value for name, value in response_headers.items() if name.lower() not in replaced}
    return status, {**kept, "x-amzn-RequestId": incoming.request_id}, content


def _too_long() -> tuple[int, Record, bytes]:
    """Return the response in front of the API, which its gateway responses do not change."""
    text = f"HTTP content length exceeded {MAX_REQUEST_BYTES} bytes."
    return 413, {"Content-Type": "text/plain"}, text.encode()


def _incomplete_signature(authorization: str) -> Any:
    """Return the error of an unknown route with a token, which is read as an AWS signature.

    No type of gateway response is documented for it, so DEFAULT_4XX applies.
    """
    word = authorization.rpartition(" ")[2]
    message = f"'{word}' not a valid key=value pair (missing equal-sign) in Authorization header"
    error = gateway._gw_error("DEFAULT_4XX", message)
    error.unmapped_status = 403
    return error


def _bad_gateway() -> Any:
    error = gateway._gw_error("DEFAULT_5XX", "Internal server error")
    error.unmapped_status = 502
    return error


def _render_error(error: Any, request: Record) -> tuple[int, Record, bytes]:
    status, headers, content = gateway._gateway_error_response(error, request)
    deployed = gateway._deployed_gateway_responses.get(request["api_id"], {}).get(
        request["stage"].get("deploymentId"), {}
    )
    if not deployed.get(error.response_type, {}).get("statusCode"):
        status = getattr(error, "unmapped_status", status)
    return status, headers, content


async def _invoke(
    settings: Settings,
    integration: Record,
    api_id: str,
    stage_name: str,
    stage: Record,
    resource: Record,
    request_path: str,
    method: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, list[str]],
    path_params: dict[str, str],
    *,
    owner_account_id: str,
    owner_region: str,
    binary_media_types: list[str],
    authorizer_context: Record | None,
    caller_identity: Record | None,
) -> Any:
    event = gateway._build_lambda_event_v1(
        api_id, stage_name, stage, resource, request_path, method, headers, body, query_params,
        path_params, binary_media_types=binary_media_types,
        authorizer_context=authorizer_context, caller_identity=caller_identity,
    )  # fmt: skip
    _complete_event(event, gateway_request.current.get())
    if len(json.dumps(event)) > MAX_PAYLOAD_BYTES:
        return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")

    reference = gateway._extract_lambda_ref_from_integration_uri(integration["uri"])
    wait = StartWait()
    start_wait.set(wait)
    call = asyncio.create_task(
        gateway._call_lambda_raw(reference, event, account_id=owner_account_id, region=owner_region)
    )
    # Lambda continues after the gateway's timeout, so the call is not cancelled.
    _running_calls.add(call)
    call.add_done_callback(_running_calls.discard)
    is_debugged = settings.is_debugged(_function_name(reference))
    seconds = DEBUGGING_SECONDS if is_debugged else integration["timeoutInMillis"] / 1000
    if not await _ends_within(call, seconds, wait):
        return gateway._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    result, missing = call.result()
    if missing:
        return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    if result.get("error") or result.get("throttle"):
        return _bad_gateway()
    try:
        decodes = gateway._media_type_matches(
            headers.get("accept", "").split(",")[0], binary_media_types
        )
        return _parse_response(result.get("body"), decodes)
    except MalformedResponse as malformed:
        log.warning("%s returned no proxy response: %s", reference, malformed)
        return _bad_gateway()


async def _ends_within(call: asyncio.Task[Any], seconds: float, wait: StartWait) -> bool:
    """Whether the call ends within ``seconds``, not counting the wait for a cold start."""
    started = time.monotonic()
    while (left := started + seconds + wait.seconds - time.monotonic()) > 0:
        done, _ = await asyncio.wait({call}, timeout=left)
        if done:
            return True
    return False


def _function_name(reference: str) -> str:
    """Return the name in ``name``, ``name:qualifier`` or an ARN."""
    return reference.rpartition(":function:")[2].partition(":")[0]


def _complete_event(event: Record, incoming: GatewayRequest | None) -> None:
    """Change ministack's event to that of API Gateway."""
    if incoming is None:
        raise LookupError("A function was called outside a request.")
    del event["version"]
    fields: dict[str, list[str]] = {}
    spelling: dict[str, str] = {}
    forwarded = ", ".join(
        value for name, value in incoming.headers if name.lower() == "x-forwarded-for"
    )
    for name, value in incoming.headers:
        if name.lower() != "x-forwarded-for":
            # Names are case-insensitive: the first spelling names the field.
            fields.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
    fields["X-Forwarded-For"] = [f"{forwarded}, {incoming.peer}" if forwarded else incoming.peer]
    event["multiValueHeaders"] = fields
    event["headers"] = {name: values[-1] for name, values in fields.items()}
    if queries := event["multiValueQueryStringParameters"]:
        event["queryStringParameters"] = {name: values[-1] for name, values in queries.items()}
    context = event["requestContext"]
    context["requestId"] = context["extendedRequestId"] = incoming.request_id
    context["path"] = incoming.path
    context["domainName"] = incoming.header("host") or ""
    context["domainPrefix"] = context["domainName"].split(".")[0]
    context["identity"]["sourceIp"] = incoming.peer


def _parse_response(response: Any, decodes: bool) -> tuple[int, Record, bytes]:
    """Parse ``{statusCode, headers, multiValueHeaders, body, isBase64Encoded}``.

    Raises MalformedResponse.
    """
    if not isinstance(response, dict) or not response.keys() <= PROXY_RESPONSE:
        raise MalformedResponse("it is no object, or has unknown members")
    status, text = response.get("statusCode", 200), response.get("body")
    if isinstance(status, bool) or not str(status).isdigit() or not 100 <= int(status) <= 599:
        raise MalformedResponse(f"statusCode is {status!r}")
    if text is not None and not isinstance(text, str):
        raise MalformedResponse(f"body is of type {type(text).__name__}")
    content = (text or "").encode("utf-8", errors="replace")
    if response.get("isBase64Encoded") and decodes:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise MalformedResponse("body is not base64") from error
    return int(status), _merge_headers(response), content


def _merge_headers(response: Record) -> Record:
    single, multiple = response.get("headers") or {}, response.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedResponse("headers are not an object")
    merged: dict[str, tuple[str, list[str]]] = {
        "content-type": ("Content-Type", ["application/json"])
    }
    for name, values in [*((name, [it]) for name, it in single.items()), *multiple.items()]:
        if not isinstance(values, list) or any(isinstance(it, list | dict) for it in values):
            raise MalformedResponse(f"the header {name} is not text")
        sent_name = f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name
        merged[sent_name.lower()] = (sent_name, [_text(it) for it in values if it is not None])
    return {name: values for name, values in merged.values() if values}


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
