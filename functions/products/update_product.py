"""PATCH /api/products/{productId}: change some fields of a product."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import Forbidden, InsufficientStock, NotFound, PreconditionFailed, SkuInUse
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
    caller: Caller,
    precondition: Precondition,
    products: Products,
) -> ProductRead:
    """Change some fields of a product (JSON Merge Patch), or move its stock; admins only."""
    return ProductRead.of(products.update(caller, product_id, wanted, precondition))
