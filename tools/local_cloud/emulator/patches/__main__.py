"""Write docs/emulator-patches.md from the table of patches."""

from tools.local_cloud.emulator.patches.document import DOCUMENT, rendered

if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
