"""Holding on to the emulator's internals: a patch of something that is gone must fail at once."""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

MINISTACK = "1.5.33"


class PatchTargetChanged(RuntimeError):
    """The emulator no longer has what a patch replaces, so the patch would silently do nothing."""


def require_version() -> None:
    found = version("ministack")
    if found != MINISTACK:
        raise PatchTargetChanged(
            f"The patches are written against ministack {MINISTACK}, not {found}. "
            "Read what changed, mend tools/local_cloud/emulator, then raise the pin."
        )


# Any: the emulator is untyped.
def pinned(owner: Any, name: str, parameters: str | None = None, source: str = "") -> Any:
    """Return ``owner.name`` after checking its parameters (names, space separated) and source."""
    place = f"{getattr(owner, '__name__', owner)}.{name}"
    target = getattr(owner, name, None)
    if target is None:
        raise PatchTargetChanged(f"{place} is gone.")
    if parameters is not None:
        found = " ".join(inspect.signature(target).parameters)
        if found != parameters:
            raise PatchTargetChanged(f"{place} takes ({found}), not ({parameters}).")
    if source and source not in inspect.getsource(target):
        raise PatchTargetChanged(f"{place} no longer contains {source!r}.")
    return target


def handlers_of(provisioners: Any, resource_type: str) -> dict[str, Callable[..., Any]]:
    """The emulator's CloudFormation handlers of one resource type, to be changed in place."""
    handlers: dict[str, Callable[..., Any]] | None = pinned(provisioners, "_RESOURCE_HANDLERS").get(
        resource_type
    )
    if not handlers or "create" not in handlers:
        raise PatchTargetChanged(f"There is no CloudFormation handler of {resource_type}.")
    return handlers
