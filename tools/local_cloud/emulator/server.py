"""Servers of the emulator: AWS APIs, deployed API and debugger, and their shutdown."""

import asyncio
import os
import resource
import signal
import sys
import threading
import time

from hypercorn.asyncio import serve as listen
from hypercorn.config import Config

from tools.local_cloud.emulator.debugger import Debugger
from tools.local_cloud.emulator.front_door import FrontDoor
from tools.local_cloud.emulator.mailbox_page import MailboxPage
from tools.local_cloud.emulator.patches.apply import apply_patches
from tools.local_cloud.emulator.patches.functions import kill_environments
from tools.local_cloud.emulator.settings import Settings


def serve(settings: Settings) -> None:
    apply_patches(settings)
    _allow_many_files()
    asyncio.run(_serve(settings))
    # Handlers may still run in threads; exit without waiting for them.
    os._exit(0)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _stop_with_parent(loop, stop)

    aws_apis = listen(MailboxPage(), _server_config(settings.port), shutdown_trigger=stop.wait)
    api = FrontDoor(settings.api_name)
    # API Gateway passes header names to functions in the case that the client sent.
    front = _server_config(settings.api_port, h11_pass_raw_headers=True)
    servers = [aws_apis, listen(api, front, shutdown_trigger=stop.wait)]
    if settings.debug:
        servers.append(Debugger(settings).serve(stop))
    await asyncio.gather(*servers)
    kill_environments()


def _allow_many_files() -> None:
    """Raise the limit of open files: an environment takes 3, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


def _server_config(port: int, **options: object) -> Config:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 1
    config.include_server_header = False
    config.loglevel = "WARNING"
    for name, value in options.items():
        setattr(config, name, value)
    return config


def _stop_with_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when standard input closes, which the kernel does even if the parent gets SIGKILL."""

    def wait() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        loop.call_soon_threadsafe(stop.set)
        # Exit even if the event loop is blocked.
        time.sleep(3)
        kill_environments()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent").start()
