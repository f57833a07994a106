"""Deployment packages and layers, unpacked on disk."""

import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

# The ARN of an attached layer, or ministack's own record of it (Any).
Attachment = str | dict[str, Any]


class Packages:
    """Cache of unpacked packages and layers, shared by all environments."""

    def __init__(self, folder: Path, layer_content: Callable[[Attachment], bytes | None]) -> None:
        self._folder = folder
        self._layer_content = layer_content
        self._lock = threading.Lock()
        self._layers: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def unpack(self, content: bytes) -> Path:
        target = self._folder / sha256(content).hexdigest()[:32]
        with self._lock:
            if not target.exists():
                # Rename a complete folder, so a killed emulator leaves no partial one.
                unfinished = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(BytesIO(content)) as archive:
                    archive.extractall(unfinished)
                unfinished.rename(target)
        return target

    def layer(self, attachment: Attachment) -> Path:
        arn = attachment if isinstance(attachment, str) else attachment["Arn"]
        if arn not in self._layers:
            content = self._layer_content(attachment)
            if content is None:
                raise FileNotFoundError(f"The layer {arn} has no content.")
            self._layers[arn] = self.unpack(content)
        return self._layers[arn]


def search_path(code: Path, layers: list[Path]) -> list[str]:
    """Return sys.path as on Lambda: the function, then its layers, later layers first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = [layer / "python/lib" / version / "site-packages" for layer in reversed(layers)]
    roots = [layer / "python" for layer in reversed(layers)]
    return [str(code), *(str(it) for it in libraries + roots if it.is_dir())]
