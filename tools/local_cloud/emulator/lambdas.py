"""Functions run in environments of ours, as many as the machine can start."""

import time
from functools import partial
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from tools.local_cloud.emulator.environment import Environment, TurnWait, turn_wait, turns
from tools.local_cloud.emulator.packages import Packages
from tools.local_cloud.emulator.pinned import pinned
from tools.local_cloud.emulator.settings import Settings
from tools.local_cloud.emulator.traces import Traces

# Bounds a deadlock: what holds the turns may be waiting for this very function.
TURN_SECONDS = 60
TURN_POLL_SECONDS = 0.02

# Any: the emulator's own records.
Record = dict[str, Any]


def apply(settings: Settings, traces: Traces) -> None:
    run_functions_in_bare_interpreters(settings, traces)
    start_environments_in_turns()


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

    packages = Packages(settings.state / "packages")
    lambda_runtime._worker_class_for = lambda _: partial(Environment, settings, packages, traces)


def start_environments_in_turns() -> None:
    """Start one when none is free and its turn has come; whichever becomes free first is taken."""
    acquire = pinned(
        lambda_svc, "acquire_worker", "func_name config code_zip qualifier max_concurrency"
    )
    release = pinned(lambda_svc, "release_worker", "worker")
    pinned(lambda_runtime, "_worker_key", "func_name config qualifier")

    def acquire_in_turn(name: str, config: Record, code: bytes, qualifier: str) -> tuple[Any, str]:
        key = lambda_runtime._worker_key(name, config, qualifier)
        wait = turn_wait.get() or TurnWait()
        wait.begin()
        try:
            deadline = time.monotonic() + TURN_SECONDS
            has_turn = False
            while not has_turn and time.monotonic() < deadline:
                if free := _free_environment(key):
                    return free, "reused"
                has_turn = turns.acquire(timeout=TURN_POLL_SECONDS)
        finally:
            wait.end()
        environment, reason = acquire(name, config, code, qualifier=qualifier)
        environment.has_turn = has_turn
        return environment, reason

    def release_with_turn(environment: Environment | None) -> None:
        if environment:
            environment.give_turn_back()
        release(environment)

    lambda_svc.acquire_worker, lambda_svc.release_worker = acquire_in_turn, release_with_turn


def _free_environment(key: str) -> Any:
    with lambda_runtime._lock:
        for environment in lambda_runtime._workers.get(key, ()):
            if not environment.in_use:
                environment.in_use = True
                environment.last_used = time.time()
                return environment
    return None
