"""GET /api/products: list products."""

from shop.endpoint import endpoint
from shop.products.provide import Products
from shop.products.schemas import ProductListQuery, ProductPage, ProductRead


@endpoint("GET /api/products")
def handler(query: ProductListQuery, products: Products) -> ProductPage:
    """List the products that are sold, or those that no longer are."""
    return ProductPage.of(products.list(query), query, ProductRead.of)
