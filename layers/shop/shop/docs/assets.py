"""Assets of the documentation page: Swagger UI from Powertools, and our own files."""

from base64 import b64encode
from functools import cache
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import aws_lambda_powertools

from shop.http.parameters import PathName
from shop.http.response_models import ResponseModel

if TYPE_CHECKING:
    from shop.http.request import Request

_OURS = Path(__file__).parent
_SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"


class _Asset(NamedTuple):
    path: Path
    media_type: str


# Without a charset, browsers do not execute Swagger UI's script.
_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_HTML_POLICY = "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_ASSETS = {
    # Where the window of an OAuth login arrives; the name is Swagger UI's own
    "oauth2-redirect.html": _Asset(_OURS / "oauth2-redirect.html", _HTML),
    "oauth2-redirect.js": _Asset(_OURS / "oauth2-redirect.js", _SCRIPT),
    "page.css": _Asset(_OURS / "page.css", _STYLE),
    "page.js": _Asset(_OURS / "page.js", _SCRIPT),
    "schema.graphql": _Asset(_OURS.parent / "graphql/schema.graphql", "text/plain; charset=utf-8"),
    "shop.proto": _Asset(_OURS / "shop.proto", "text/plain; charset=utf-8"),
    "swagger-ui.css": _Asset(_SWAGGER_UI / "swagger-ui.min.css", _STYLE),
    "swagger-ui.js": _Asset(_SWAGGER_UI / "swagger-ui-bundle.min.js", _SCRIPT),
}

AssetName = Annotated[str, PathName(names=frozenset(_ASSETS))]


class DocsAsset(ResponseModel):
    """A file, in base64 if it is compressed, as API Gateway requires for binary bodies."""

    content: str
    asset_media_type: str
    entity_tag: str
    is_compressed: bool

    def as_text(self) -> str:
        return self.content

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        encoding = {"Content-Encoding": "gzip"} if self.is_compressed else {}
        is_html = self.asset_media_type == _HTML
        return {
            "Content-Type": self.asset_media_type,
            "ETag": f'"{self.entity_tag}"',
            "Vary": "Accept-Encoding, Origin",
            **({"Content-Security-Policy": _HTML_POLICY} if is_html else {}),
            **encoding,
        }


@cache
def docs_asset(name: str, is_compressed: bool) -> DocsAsset:
    asset = _ASSETS[name]
    content = asset.path.read_bytes()
    digest = sha256(content).hexdigest()[:32]
    return DocsAsset(
        content=b64encode(compress(content)).decode() if is_compressed else content.decode(),
        asset_media_type=asset.media_type,
        # Each representation needs its own strong entity tag (RFC 9110, 8.8.3).
        entity_tag=f"{digest}-gzip" if is_compressed else digest,
        is_compressed=is_compressed,
    )
