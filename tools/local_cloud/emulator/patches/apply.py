"""Application of all patches, in an order in which each finds its targets."""

from tools.local_cloud.emulator.patches import (
    api_import,
    event_bus,
    event_source_mappings,
    function_logs,
    functions,
    gateway,
    gateway_role,
    permission_log,
    permissions,
    queues,
    resources,
    saved_queries,
    streams,
    tracing,
    transactions,
)
from tools.local_cloud.emulator.patches.pinned import require_names
from tools.local_cloud.emulator.patches.table import PATCHES
from tools.local_cloud.emulator.settings import Settings
from tools.local_cloud.emulator.traces import Traces


def apply_patches(settings: Settings) -> None:
    """Patch the imported ministack; raise PatchTargetChanged if it is not as expected."""
    require_names(name for patch in PATCHES for name in patch.names)
    traces = Traces(settings)
    api_import.apply()
    tracing.apply(traces)
    gateway.apply(settings, traces)
    gateway_role.apply()
    resources.apply()
    saved_queries.apply()
    transactions.apply()
    functions.apply(settings, traces)
    function_logs.apply(settings)
    event_source_mappings.apply()
    streams.apply()
    queues.apply()
    event_bus.apply()
    permissions.apply()
    permission_log.apply(settings)
