"""POST /api/products: add a product to the catalogue."""

from shop.endpoint import endpoint
from shop.errors import Forbidden, IdempotencyKeyReused, SkuInUse
from shop.http.access import AdminCaller
from shop.idempotency import Once
from shop.products.provide import Products
from shop.products.schemas import ProductCreate, ProductRead


@endpoint("POST /api/products", status=201, raises=(Forbidden, IdempotencyKeyReused, SkuInUse))
def handler(
    wanted: ProductCreate, caller: AdminCaller, once: Once, products: Products
) -> ProductRead:
    """Add a product."""
    return ProductRead.of(products.create(caller, wanted, once))
