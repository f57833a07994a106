"""Lambda functions: bare execution environments, bounded cold starts, checked aliases."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from tools.local_cloud.emulator.packages import Packages
from tools.local_cloud.emulator.patches.environment import (
    Environment,
    StartWait,
    start_slots,
    start_wait,
)
from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.provisioning import handlers_of
from tools.local_cloud.emulator.settings import Settings
from tools.local_cloud.emulator.traces import Traces

# Bounds a deadlock: the functions that hold the slots may be waiting for this one.
MAX_WAIT_SECONDS = 60
POLL_SECONDS = 0.02

_starting = threading.Lock()
# Any: ministack's own records.
Record = dict[str, Any]


def apply(settings: Settings, traces: Traces) -> None:
    run_functions_in_bare_interpreters(settings, traces)
    limit_concurrent_cold_starts(settings)
    reject_aliases_to_missing_versions()


def run_functions_in_bare_interpreters(settings: Settings, traces: Traces) -> None:
    pinned(lambda_runtime, "_worker_class_for", "config")
    pinned(lambda_runtime, "execution_credentials", "config", source="register_session")
    pinned(lambda_runtime.Worker, "__init__", "self func_name config code_zip")
    pinned(
        lambda_runtime.Worker,
        "invoke",
        "self event request_id trace_id depth durable invoked_function_arn",
    )
    pinned(lambda_runtime.Worker, "_discard_tmpdir", "self")
    pinned(lambda_svc, "_execute_function_warm", source="worker.invoke(")
    pinned(lambda_svc, "_resolve_layer_zip", "attachment")

    packages = Packages(settings.state / "packages", lambda_svc._resolve_layer_zip)
    lambda_runtime._worker_class_for = lambda _: partial(Environment, settings, packages, traces)


def limit_concurrent_cold_starts(settings: Settings) -> None:
    """Take an environment that is free, or start one when a slot is free, whichever comes first.

    A debugged function has one environment for all requests, since a debugger is attached to one
    process.
    """
    acquire = pinned(
        lambda_svc, "acquire_worker", "func_name config code_zip qualifier max_concurrency"
    )
    release = pinned(lambda_svc, "release_worker", "worker")
    pinned(lambda_runtime, "_worker_key", "func_name config qualifier")

    def acquire_limited(name: str, config: Record, code: bytes, qualifier: str) -> tuple[Any, str]:
        key = lambda_runtime._worker_key(name, config, qualifier)
        if settings.is_debugged(name):
            return _only_environment(key, lambda: acquire(name, config, code, qualifier=qualifier))
        wait = start_wait.get() or StartWait()
        wait.begin()
        try:
            deadline = time.monotonic() + MAX_WAIT_SECONDS
            has_slot = False
            while not has_slot and time.monotonic() < deadline:
                if free := _free_environment(key):
                    return free, "reused"
                has_slot = start_slots.acquire(timeout=POLL_SECONDS)
        finally:
            wait.end()
        environment, reason = acquire(name, config, code, qualifier=qualifier)
        environment.has_slot = has_slot
        return environment, reason

    def release_limited(environment: Environment | None) -> None:
        if environment:
            environment.release_slot()
        release(environment)

    lambda_svc.acquire_worker, lambda_svc.release_worker = acquire_limited, release_limited


def reject_aliases_to_missing_versions() -> None:
    """Reject missing versions, also in RoutingConfig, as CreateAlias and UpdateAlias do.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    """
    create = pinned(lambda_svc, "_create_alias", "func_name data")
    update = pinned(lambda_svc, "_update_alias", "func_name alias_name data")
    handlers = handlers_of("AWS::Lambda::Alias")
    create_by_template = handlers["create"]
    find = pinned(provisioners, "_lambda_function_for_cfn_ref")

    # Any: ministack's own responses.
    def missing(name: str, data: Record) -> Any:
        function = lambda_svc._functions.get(name)
        weights = (data.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        for version in (data.get("FunctionVersion", "$LATEST"), *weights):
            if function and version != "$LATEST" and version not in function["versions"]:
                message = f"Function not found: {lambda_svc._func_arn(name)}:{version}"
                return error_response_json("ResourceNotFoundException", message, 404)
        return None

    def created(func_name: str, data: Record) -> Any:
        return missing(func_name, data) or create(func_name, data)

    def updated(func_name: str, alias_name: str, data: Record) -> Any:
        return missing(func_name, data) or update(func_name, alias_name, data)

    def created_by_template(logical_id: str, props: Record, stack: str) -> tuple[str, Record]:
        function, name, *_ = find(props.get("FunctionName", ""))
        version = str(props.get("FunctionVersion", "$LATEST"))
        if function and version != "$LATEST" and version not in function["versions"]:
            raise ValueError(f"Function not found: {lambda_svc._func_arn(name)}:{version}")
        created: tuple[str, Record] = create_by_template(logical_id, props, stack)
        return created

    lambda_svc._create_alias, lambda_svc._update_alias = created, updated
    handlers["create"] = created_by_template


def _only_environment(key: str, start: Callable[[], tuple[Any, str]]) -> tuple[Any, str]:
    while True:
        if free := _free_environment(key):
            return free, "reused"
        with _starting:
            if not lambda_runtime._workers.get(key):
                return start()
        time.sleep(POLL_SECONDS)


def _free_environment(key: str) -> Any:
    with lambda_runtime._lock:
        for environment in lambda_runtime._workers.get(key, ()):
            if not environment.in_use:
                environment.in_use = True
                environment.last_used = time.time()
                return environment
    return None


def kill_environments() -> None:
    """Kill the processes of all environments."""
    with lambda_runtime._lock:
        environments = [it for pool in lambda_runtime._workers.values() for it in pool]
    for environment in environments:
        environment.kill()
