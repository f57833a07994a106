"""GET /api/products/{productId}: read a product."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.products.parameters import ProductId
from shop.products.reading import ProductReads
from shop.products.responses import ProductResponse


@endpoint("GET /api/products/{productId}", raises=(NotFound,), rpc="ProductService/GetProduct")
def handler(product_id: ProductId, products: ProductReads) -> ProductResponse:
    """Read a product, whether active or inactive."""
    return ProductResponse.of(products.read(product_id))
