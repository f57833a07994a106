"""Pictures for the documents: PNG files with a palette, which are a third as large."""

from base64 import b64decode, b64encode
from struct import pack
from zlib import compress, crc32

from playwright.sync_api import Page

# The browser decodes the PNG file. Each channel keeps 52 steps, which look the same.
READ_COLOURS = """async png => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, width, height);
  const palette = new Map();
  let pixels = "";
  for (let at = 0; at < data.length; at += 4) {
    const colour = String([...data.slice(at, at + 3)].map(it => Math.round(it / 5) * 5));
    if (!palette.has(colour)) palette.set(colour, palette.size);
    pixels += String.fromCharCode(palette.get(colour));
  }
  return [width, height, [...palette.keys()].join(), btoa(pixels)];
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
