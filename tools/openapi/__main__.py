"""`make openapi`: write docs/openapi.json."""

from tools.openapi.document import DOCUMENT, document, text_of

DOCUMENT.write_text(text_of(document()))
