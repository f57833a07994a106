"""Pictures for the documents: PNG files with a palette, which are a third as large."""

import re
from base64 import b64decode, b64encode
from html import escape
from struct import pack
from zlib import compress, crc32

from playwright.sync_api import Page

# The browser decodes the PNG file. Each channel keeps 52 steps, which look the same. The most
# frequent colours are the palette, and every other one becomes the nearest of them.
READ_COLOURS = """async png => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, width, height);
  const step = it => Math.round(it / 5) * 5;
  const colours = new Uint32Array(width * height);
  const counts = new Map();
  for (let at = 0; at < colours.length; at++) {
    const [red, green, blue] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    const colour = step(red) << 16 | step(green) << 8 | step(blue);
    colours[at] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const channels = colour => [colour >> 16, colour >> 8 & 255, colour & 255];
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256)
    .map(([colour]) => channels(colour));
  const nearest = new Map();
  for (const colour of counts.keys()) {
    const own = channels(colour);
    const distances = palette
      .map(it => it.reduce((sum, part, at) => sum + (part - own[at]) ** 2, 0));
    nearest.set(colour, distances.indexOf(Math.min(...distances)));
  }
  const pixels = Array.from(colours, colour => String.fromCharCode(nearest.get(colour))).join("");
  return [width, height, palette.flat().join(), btoa(pixels)];
}"""


def with_palette(page: Page, png: bytes) -> bytes:
    """Return the picture with at most 256 colours."""
    width, height, colours, encoded = page.evaluate(READ_COLOURS, b64encode(png).decode())
    pixels = b64decode(encoded)
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + name + data + pack(">I", crc32(name + data))
        for name, data in (
            (b"IHDR", pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", bytes(map(int, colours.split(",")))),
            (b"IDAT", compress(rows, 9)),
            (b"IEND", b""),
        )
    )


# The colours of `make trace` as ANSI escapes select them
_STYLES = {
    "31": "color: #ff8a80",
    "32": "color: #8fd9a8",
    "34": "color: #7db4ff",
    "2": "opacity: .7",
    "1": "font-weight: bold",
}


def terminal_page(text: str) -> str:
    """Return a page with the output of a command in a terminal."""
    html = re.sub(
        r"\x1b\[(\d+)m(.*?)\x1b\[0m",
        lambda found: f'<span style="{_STYLES[found[1]]}">{found[2]}</span>',
        escape(text),
    )
    return (
        "<!doctype html><title>Terminal</title><style>"
        "body { margin: 0; background: #14191c; color: #dfe5e8 }"
        "pre { display: inline-block; margin: 0; padding: 16px 20px; font: 13px/1.25 monospace }"
        f"</style><pre>{html}</pre>"
    )
