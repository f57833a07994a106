"""The emulator: ministack, patched where this stack would notice a difference from AWS."""
