"""GET /api/products: list products."""

from shop.entrypoints.http import endpoint
from shop.products.dependencies import Products
from shop.products.requests import ProductListQuery
from shop.products.responses import ProductPage, ProductResponse


@endpoint("GET /api/products", rpc="ProductService/ListProducts")
def handler(query: ProductListQuery, products: Products) -> ProductPage:
    """List active products, or inactive ones."""
    return ProductPage.of(products.list(query), query, ProductResponse.of)
