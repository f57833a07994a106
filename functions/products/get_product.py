"""GET /api/products/{productId}: read a product."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.products.dependencies import Products
from shop.products.parameters import ProductId
from shop.products.responses import ProductResponse


@endpoint("GET /api/products/{productId}", raises=(NotFound,))
def handler(product_id: ProductId, products: Products) -> ProductResponse:
    """Read a product, whether active or inactive."""
    return ProductResponse.of(products.read(product_id))
