"""POST /api/products: add a product to the catalogue."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, IdempotencyKeyReused, SkuInUse
from shop.http.access import AdminCaller
from shop.idempotency import IdempotentRequest
from shop.products.dependencies import Products
from shop.products.requests import ProductCreate
from shop.products.responses import ProductResponse


@endpoint(
    "POST /api/products",
    status=201,
    raises=(Forbidden, IdempotencyKeyReused, SkuInUse),
    admin_scope="admin:products:write",
    rpc="ProductService/CreateProduct",
)
def handler(
    payload: ProductCreate, caller: AdminCaller, idempotency: IdempotentRequest, products: Products
) -> ProductResponse:
    """Add a product."""
    return ProductResponse.of(products.create(caller, payload, idempotency))
