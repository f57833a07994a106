"""Checks of patch targets: the emulator does not start if ministack lost or changed one."""

import inspect
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from typing import Any

MINISTACK = "1.5.33"


class PatchTargetChanged(RuntimeError):
    """A patch target is missing or different, so the patch would have no effect."""


def require_version() -> None:
    """Raise PatchTargetChanged unless the installed ministack is the one the patches are for."""
    found = version("ministack")
    if found != MINISTACK:
        raise PatchTargetChanged(
            f"The patches are written for ministack {MINISTACK}, not {found}. "
            "Read its changes, update tools/local_cloud/emulator/patches, then raise the pin."
        )


def require_names(names: Iterable[str]) -> None:
    """Raise PatchTargetChanged unless ministack has each name, as ``services.sqs._queues``."""
    for name in names:
        parts = name.split(".")
        found: Any = None
        for part in parts:
            found = _member(found, part)
            if found is None:
                raise PatchTargetChanged(f"ministack.{name} is missing.")


# Any: ministack is untyped.
def _member(owner: Any, name: str) -> Any:
    if owner is None:
        return import_module(f"ministack.{name}")
    if hasattr(owner, "__path__"):
        return import_module(f"{owner.__name__}.{name}")
    found = getattr(owner, name, None)
    if found is None and inspect.isclass(owner):
        # An attribute that instances get in __init__.
        return f"self.{name}" in inspect.getsource(owner) or None
    return found


def pinned(owner: Any, name: str, parameters: str | None = None, source: str = "") -> Any:
    """Return ``owner.name`` after checking its parameters (names, space separated) and source.

    Raises PatchTargetChanged if the source does not contain ``source``.
    """
    place = f"{getattr(owner, '__name__', owner)}.{name}"
    target = getattr(owner, name, None)
    if target is None:
        raise PatchTargetChanged(f"{place} is missing.")
    if parameters is not None:
        found = " ".join(inspect.signature(target).parameters)
        if found != parameters:
            raise PatchTargetChanged(f"{place} takes ({found}), not ({parameters}).")
    if source and source not in inspect.getsource(target):
        raise PatchTargetChanged(f"{place} no longer contains {source!r}.")
    return target
