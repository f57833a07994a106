"""DELETE /api/products/{productId}: delete a product."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PreconditionFailed
from shop.http.access import AdminCaller
from shop.preconditions import Precondition
from shop.products.dependencies import Products
from shop.products.parameters import ProductId


@endpoint(
    "DELETE /api/products/{productId}",
    raises=(Forbidden, NotFound, PreconditionFailed),
    admin_scope="admin:products:write",
    rpc="ProductService/DeleteProduct",
)
def handler(
    product_id: ProductId, caller: AdminCaller, precondition: Precondition, products: Products
) -> None:
    """Delete a product and release its SKU; past orders keep their lines."""
    products.delete(caller, product_id, precondition)
