"""Whole numbers in bodies, which JSON writes with a point or without."""

import pytest
from pydantic import ValidationError

from shop.orders.schemas import OrderPlace
from shop.products.schemas import ProductUpdate

PEAR = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"


@pytest.mark.parametrize("written", ["2", "2.0", "2e0", "0.2e1"])
def test_a_whole_number_is_one_however_it_is_written(written: str) -> None:
    line = f'{{"productId": "{PEAR}", "quantity": {written}}}'

    placed = OrderPlace.model_validate_json(f'{{"items": [{line}]}}')

    assert repr(placed.items[0].quantity) == "2"


def test_stock_that_is_not_limited_stays_so() -> None:
    assert ProductUpdate.model_validate_json('{"stock": null}').stock is None
    assert ProductUpdate.model_validate_json('{"stockDelta": -3.0}').stock_delta == -3


@pytest.mark.parametrize("written", ["2.5", "1e309", "1e300", "true", '"2"', '"2.0"'])
def test_what_is_no_whole_number_within_the_limits_is_refused(written: str) -> None:
    for name in ("stock", "stockDelta"):
        with pytest.raises(ValidationError):
            ProductUpdate.model_validate_json(f'{{"{name}": {written}}}')
