"""Debugging: the environment of the debugged function, and notice of its deployments."""

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.settings import Settings

# Any: ministack's own records.
Record = dict[str, Any]


def report_new_versions(settings: Settings, report: Callable[[], None]) -> None:
    """Call ``report`` whenever an alias of the debugged function points to another version."""
    update = pinned(lambda_svc, "_update_alias", "func_name alias_name data")

    # Any: ministack's own response.
    def updated(func_name: str, alias_name: str, data: Record) -> Any:
        response = update(func_name, alias_name, data)
        if settings.is_debugged(func_name) and "FunctionVersion" in data:
            report()
        return response

    lambda_svc._update_alias = updated


def debug_port(settings: Settings) -> int:
    """Return the port of debugpy in the current version, started if it does not run yet.

    Raises LookupError if the function is not deployed.
    """
    name, version = _current_version(settings)
    config = version["config"]
    qualifier = config.get("Version", "$LATEST")
    key = lambda_runtime._worker_key(name, config, qualifier)
    with lambda_runtime._lock:
        running = list(lambda_runtime._workers.get(key, ()))
    for environment in running:
        if environment.debug_port and environment.is_running:
            return int(environment.debug_port)
    environment, _ = lambda_svc.acquire_worker(
        name, config, version["code_zip"], qualifier=qualifier
    )
    try:
        if not environment.is_running:
            environment.start()
        return int(environment.debug_port)
    finally:
        lambda_svc.release_worker(environment)


def _current_version(settings: Settings) -> tuple[str, Record]:
    for (*_, name), function in lambda_svc._functions.all_items():
        if settings.is_debugged(name):
            # Each function has one alias, which gets all requests.
            for alias in function["aliases"].values():
                return name, function["versions"][alias["FunctionVersion"]]
    raise LookupError("it is not deployed yet")
