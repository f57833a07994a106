"""Mistakes that a type checker reports, one a line."""

from shop_client import AsyncShop, Shop


async def tasks(shop: AsyncShop) -> None:
    print((await shop.users.get()).nmae)  # error
    for _ in shop.users.list():  # error
        pass
    await shop.orders.place(items=[{"product_id": "p1"}])  # error


async def ended() -> None: ...


def threads(shop: Shop) -> None:
    Shop("https://shop.test", on_session_end=ended)  # error
    AsyncShop("https://shop.test", on_session_end=ended)
    shop.sign_up(email="a@example.com", name="Ada")  # error
    shop.users.update("u1", nmae="Ada")  # error
    shop.products.create(sku="P", name="P", price=1.5, currency="EUR", stock=1)  # error
    shop.products.list(limit="5")  # error
    shop.products.edit("p1", lambda found: {"prize": found.price})  # error
