"""The services that GraphQL calls, created on first use."""

from functools import cache
from typing import Annotated, NamedTuple

from shop.depends import Depends
from shop.orders.dependencies import order_service
from shop.orders.reading import OrderReader, order_reader
from shop.orders.service import OrderService
from shop.products.dependencies import product_service
from shop.products.reading import ProductReader, product_reader
from shop.products.service import ProductService
from shop.users.dependencies import user_service
from shop.users.reading import UserReader, user_reader
from shop.users.service import UserService


class Services(NamedTuple):
    users: UserService
    user_reads: UserReader
    products: ProductService
    product_reads: ProductReader
    orders: OrderService
    order_reads: OrderReader


@cache
def services() -> Services:
    return Services(
        user_service(),
        user_reader(),
        product_service(),
        product_reader(),
        order_service(),
        order_reader(),
    )


GraphQlServices = Annotated[Services, Depends(services)]
