"""PATCH /api/products/{productId}: change some fields of a product."""

from shop.endpoint import endpoint
from shop.errors import Forbidden, InsufficientStock, NotFound, PreconditionFailed, SkuInUse
from shop.http.access import AdminCaller
from shop.preconditions import Precondition
from shop.products.provide import Products
from shop.products.schemas import ProductId, ProductRead, ProductUpdate


@endpoint(
    "PATCH /api/products/{productId}",
    raises=(Forbidden, NotFound, PreconditionFailed, SkuInUse, InsufficientStock),
)
def handler(
    product_id: ProductId,
    wanted: ProductUpdate,
    caller: AdminCaller,
    precondition: Precondition,
    products: Products,
) -> ProductRead:
    """Change some fields of a product (JSON Merge Patch), or move its stock."""
    return ProductRead.of(products.update(caller, product_id, wanted, precondition))
