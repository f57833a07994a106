"""``make run``: the whole system on this machine, with its log and live edits."""

import signal
import sys
import threading
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from types import FrameType

from tools.local_cloud.emulator_process import REPOSITORY
from tools.local_cloud.follow import Follower
from tools.local_cloud.mailbox import PAGE_PATH
from tools.local_cloud.seed import CUSTOMER_PASSWORD, CUSTOMERS, SeedFailed, seeding
from tools.local_cloud.stack import LocalStack, LocalStackFailed, StackInfo
from tools.local_cloud.watch import Watcher

STOREFRONT = "http://127.0.0.1:5173"  # the address of `make storefront`


class Stopped(SystemExit):
    """A stop by Ctrl-C or a signal, which is success once the stack is ready."""


def main() -> None:
    parser = ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="port of the API; 0 is any")
    parser.add_argument(
        "--emulator-port", type=int, default=4566, help="port of the AWS APIs; 0 is any"
    )
    parser.add_argument("--no-demo", action="store_true", help="create an admin, but no demo data")
    parser.add_argument(
        "--no-sample", dest="sample", action="store_false", help="trace no requests"
    )
    parser.add_argument("--origins", help="allowed origins, in place of loopback origins")
    parser.add_argument("--debug", default="", help="logical id of a function to debug")
    parser.add_argument("--debug-port", type=int, default=5678, help="port for debuggers; 0 is any")
    parser.add_argument("--project", type=Path, default=REPOSITORY, help="folder of template.yaml")
    parser.add_argument(
        "--home", type=Path, default=REPOSITORY / ".local", help="folder for build and logs"
    )
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)

    progress = ProgressLines()
    stack = LocalStack(
        options.home / "run",
        options.port,
        options.emulator_port,
        progress,
        seed=seeding(not options.no_demo),
        project=options.project,
        info_file=options.home / "stack.json",
        sample=options.sample,
        is_for_development=True,
        debug=options.debug,
        debug_port=options.debug_port,
        parameters={
            "LogInPage": STOREFRONT,
            **({"AllowedOrigins": options.origins} if options.origins else {}),
        },
    )
    try:
        with stack, suppress(Stopped):
            progress.end()
            print(_welcome(stack.info, progress.seconds, not options.no_demo), flush=True)
            if options.debug:
                port = stack.emulator.debug_port
                print(f"Debugger of {options.debug}: attach to 127.0.0.1:{port}\n", flush=True)
            _serve_until_stopped(stack)
    except (LocalStackFailed, SeedFailed) as failed:
        progress.end()
        sys.exit(f"{failed}")


def _stop(number: int, _: FrameType | None) -> None:
    # Ignore further signals, so they do not interrupt the shutdown.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    raise Stopped(128 + number)


def _serve_until_stopped(stack: LocalStack) -> None:
    """Show logs and deploy edits until the emulator exits or a signal arrives."""
    printing = threading.Lock()

    def write(text: str) -> None:
        with printing:
            print(text, flush=True)

    follower = Follower(stack.emulator.function_log, write)
    watcher = Watcher(stack, lambda text: write(f"{time.strftime('%H:%M:%S')}  {text}"))
    follower.start()
    watcher.start()
    try:
        while stack.emulator.alive():
            time.sleep(0.5)
        raise LocalStackFailed(f"The emulator exited, see {stack.home / 'emulator.log'}")
    finally:
        watcher.stop()
        follower.stop()


class ProgressLines:
    """Progress of the phases with seconds: in place on a terminal, else a line for each."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._open: dict[str, float] = {}
        self._lock = threading.Lock()
        self._live = sys.stdout.isatty()
        if self._live:
            threading.Thread(target=self._tick, daemon=True).start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def __call__(self, phase: str, seconds: float | None) -> None:
        with self._lock:
            if seconds is None:
                self._open[phase] = time.monotonic()
                return
            del self._open[phase]
            self._clear()
            print(f"  {phase:10} {seconds:5.1f} s", flush=True)

    def end(self) -> None:
        with self._lock:
            self._open.clear()
            self._clear()

    def _tick(self) -> None:
        while True:
            time.sleep(0.1)
            with self._lock:
                if self._open:
                    now = time.monotonic()
                    parts = [f"{name} {now - start:.1f} s" for name, start in self._open.items()]
                    self._clear()
                    print(f"  {', '.join(parts)} …", end="", flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\033[K", end="")


def _welcome(info: StackInfo, seconds: float, has_demo: bool) -> str:
    assert info.admin
    customers = f"Customers: {', '.join(CUSTOMERS)}, password {CUSTOMER_PASSWORD}\n"
    if not has_demo:
        customers = ""
    clients = ""
    if info.clients is not None:
        clients = (
            f"OAuth clients: {info.clients.public} (public),"
            f" for {info.url}/docs?client_id={info.clients.public}\n"
            f"  {info.clients.confidential} (confidential), secret {info.clients.secret}\n"
        )
    log_in = f'{{"email": "{info.admin.email}", "password": "{info.admin.password}"}}'
    json_body = "-H 'Content-Type: application/json'"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    product = '{"sku": "MUG", "name": "Mug", "price": "8.50", "currency": "EUR", "stock": 10}'
    return f"""
Ready in {seconds:.0f} s: {info.url}
In a browser: {info.url}/docs, and a shop by `make storefront`
Mailbox: {info.emulator}{PAGE_PATH}
Admin: {info.admin.email}, password {info.admin.password}
{customers}{clients}
TOKEN=$(curl -s {info.url}/api/sessions {json_body} -d '{log_in}' | sed 's/.*"accessToken": *"\\([^"]*\\)".*/\\1/')
curl -s -w '\\n' {info.url}/api/users/me {bearer}
curl -s -w '\\n' {info.url}/api/products {bearer} -H 'Idempotency-Key: mug' {json_body} -d '{product}'

Edits of functions, layers and template are deployed while this runs. Press Ctrl-C to stop.
"""  # noqa: E501


if __name__ == "__main__":
    main()
