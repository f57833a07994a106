"""CloudFormation resource types: the handlers that ministack provisions each with."""

from typing import Any

from ministack.services.cloudformation import provisioners

from tools.local_cloud.emulator.patches.pinned import PatchTargetChanged

# Any: ministack's functions, which are untyped.
Handlers = dict[str, Any]


def handlers_of(resource_type: str) -> Handlers:
    """Return the handlers of one resource type, to be changed in place."""
    handlers: Handlers | None = provisioners._RESOURCE_HANDLERS.get(resource_type)
    if not handlers or "create" not in handlers:
        raise PatchTargetChanged(f"There is no CloudFormation handler of {resource_type}.")
    return handlers


def add_resource_type(resource_type: str, handlers: Handlers) -> None:
    """Register a resource type; raise PatchTargetChanged if ministack has it."""
    if resource_type in provisioners._RESOURCE_HANDLERS:
        raise PatchTargetChanged(f"ministack provisions {resource_type} now: remove the patch.")
    provisioners._RESOURCE_HANDLERS[resource_type] = handlers
