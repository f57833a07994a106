"""Debugger port: relay debug sessions to debugpy in the environment of one function."""

import asyncio
import logging
from contextlib import suppress

from tools.local_cloud.emulator.patches.debugging import debug_port, report_new_versions
from tools.local_cloud.emulator.settings import Settings

# https://microsoft.github.io/debug-adapter-protocol/specification#Requests_Disconnect
DISCONNECT = (
    b'{"seq":1000000,"type":"request","command":"disconnect",'
    b'"arguments":{"terminateDebuggee":false}}'
)
# Bounds the wait for debugpy, which replies to a debugger within milliseconds.
DISCONNECT_SECONDS = 5

log = logging.getLogger("local_cloud")


class Debugger:
    """Server of ``debug_port`` that connects to the current environment of the function."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session = asyncio.Lock()
        report_new_versions(settings, self._end_sessions)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._relay, "127.0.0.1", self._settings.debug_port)
        await stop.wait()
        server.close()
        self._detach()

    def _end_sessions(self) -> None:
        """End all sessions, from any thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._detach)

    def _detach(self) -> None:
        """Close all sessions; their version gets no more requests."""
        for client in self._clients:
            client.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            # debugpy rejects an attach while another session is open.
            async with self._session:
                port = await asyncio.to_thread(debug_port, self._settings)
                from_function, to_function = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await _session(reader, writer, from_function, to_function)
                finally:
                    to_function.close()
        except (LookupError, RuntimeError, OSError) as error:
            log.warning("%s cannot be debugged: %s", self._settings.debug, error)
        finally:
            self._clients.discard(writer)
            writer.close()


async def _session(
    from_client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    from_function: asyncio.StreamReader,
    to_function: asyncio.StreamWriter,
) -> None:
    responses = asyncio.create_task(_copy(from_function, to_client))
    requests = asyncio.create_task(_copy(from_client, to_function))
    await asyncio.wait({responses, requests}, return_when=asyncio.FIRST_COMPLETED)
    if not responses.done():
        # Resume a stopped function if the client left without a disconnect request.
        to_function.write(b"Content-Length: %d\r\n\r\n%s" % (len(DISCONNECT), DISCONNECT))
        await asyncio.wait({responses}, timeout=DISCONNECT_SECONDS)
    requests.cancel()
    responses.cancel()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until ``source`` ends, and keep reading after ``target`` closed."""
    with suppress(OSError):
        while content := await source.read(65_536):
            if not target.is_closing():
                target.write(content)
                with suppress(OSError):
                    await target.drain()
