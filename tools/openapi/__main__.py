"""Writes the document: `make openapi`."""

from tools.openapi.document import DOCUMENT, document, text_of

DOCUMENT.write_text(text_of(document()))
