"""PATCH /api/products/{productId}: change some fields of a product."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, InsufficientStock, NotFound, PreconditionFailed, SkuInUse
from shop.http.access import AdminCaller
from shop.preconditions import Precondition
from shop.products.dependencies import Products
from shop.products.parameters import ProductId
from shop.products.requests import ProductUpdate
from shop.products.responses import ProductResponse


@endpoint(
    "PATCH /api/products/{productId}",
    raises=(Forbidden, NotFound, PreconditionFailed, SkuInUse, InsufficientStock),
    admin_scope="admin:products:write",
    rpc="ProductService/UpdateProduct",
)
def handler(
    product_id: ProductId,
    payload: ProductUpdate,
    caller: AdminCaller,
    precondition: Precondition,
    products: Products,
) -> ProductResponse:
    """Change some fields of a product (JSON Merge Patch), or add to its stock."""
    return ProductResponse.of(products.update(caller, product_id, payload, precondition))
