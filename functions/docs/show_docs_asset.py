"""GET /docs/{asset}: the assets of the documentation page."""

from shop.docs.assets import AssetName, DocsAsset, docs_asset
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.http.parameters import Gzip


@endpoint("GET /docs/{asset}", raises=(NotFound,), is_page=True)
def handler(asset: AssetName, gzip: Gzip) -> DocsAsset:
    """Get a script or a style of the documentation page."""
    return docs_asset(asset, gzip)
