"""The local cloud: the real template on an emulator of AWS, on this machine only."""
