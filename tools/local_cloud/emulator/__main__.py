"""Start the emulator; it stops on SIGTERM and when its standard input closes."""

import os
import shutil
import sys

from tools.local_cloud.emulator.patches.pinned import require_version
from tools.local_cloud.emulator.settings import read_settings


def main() -> None:
    settings = read_settings(sys.argv[1:])
    require_version()
    shutil.rmtree(settings.state, ignore_errors=True)
    (settings.state / "tmp").mkdir(parents=True)
    # ministack reads its environment on import, so set it first.
    os.environ.clear()
    os.environ.update(settings.environment())

    from tools.local_cloud.emulator.server import serve

    serve(settings)


if __name__ == "__main__":
    main()
