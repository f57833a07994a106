"""`make docs`: build the documentation site into `.local/site`, and check its links."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.deployments import ROOT
from tools.site.check import broken_links
from tools.site.pages import llms_text, navigation, pages, without_place

FOLDER = Path(__file__).parent
LOCAL = ROOT / ".local"
SOURCE, SITE = LOCAL / "site-pages", LOCAL / "site"
PACKAGES = FOLDER / "node_modules"
MERMAID = PACKAGES / "@mermaid-js/tiny/dist/mermaid.tiny.js"
# Lets a page that was opened from a file search, too. The theme would load it from the internet.
WORKER = PACKAGES / "iframe-worker/shim/index.js"
WORKER_URL = "https://unpkg.com/iframe-worker/shim"


def main() -> None:
    """Build the site; end with a failure for a warning or a broken link."""
    found = pages()
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    assets = {
        "assets/iframe-worker.js": WORKER.read_bytes(),
        "assets/mermaid.js": MERMAID.read_bytes(),
        "assets/pictures.js": (FOLDER / "pictures.js").read_bytes(),
        "assets/site.css": (FOLDER / "site.css").read_bytes(),
    }
    for name, content in {**found, **assets}.items():
        path = SOURCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    configuration = (FOLDER / "zensical.toml").read_text()
    configured = tomllib.loads(configuration)["project"]["nav"]
    complete = navigation(configured, found)
    if missing := without_place(complete, found):
        sys.exit(f"Add to nav of tools/site/zensical.toml: {', '.join(sorted(missing))}")
    (LOCAL / "zensical.toml").write_text(
        re.sub(
            r"^nav = \[.*?^\]",
            lambda _: f"nav = {_toml(complete)}",
            configuration,
            flags=re.MULTILINE | re.DOTALL,
        )
    )
    zensical = ROOT / ".venv-docs/bin/zensical"
    built = subprocess.run(
        [zensical, "build", "--clean", "--strict", "--config-file", LOCAL / "zensical.toml"],
        cwd=LOCAL,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    if built.returncode != 0:
        sys.exit(built.stdout + built.stderr)
    for page in SITE.rglob("*.html"):
        text = page.read_text()
        depth = len(page.relative_to(SITE).parents) - 1
        own = "../" * depth + "assets/iframe-worker.js"
        page.write_text(text.replace(WORKER_URL, own))
    (SITE / "llms.txt").write_text(llms_text(complete, found))
    for name, content in found.items():
        if isinstance(content, str):  # assistants read Markdown
            (SITE / name).write_text(content)
    broken = broken_links(SITE)
    if broken:
        sys.exit("Broken links:\n" + "\n".join(broken))
    print(f"Documentation: file://{SITE}/index.html")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    main()
