"""GET /api/products/{productId}: read a product."""

from shop.endpoint import endpoint
from shop.errors import NotFound
from shop.products.provide import Products
from shop.products.schemas import ProductId, ProductRead


@endpoint("GET /api/products/{productId}", raises=(NotFound,))
def handler(product_id: ProductId, products: Products) -> ProductRead:
    """Read a product, also one that is no longer sold."""
    return ProductRead.of(products.read(product_id))
