"""`make bench-lists`: measure, write docs/scaling.md and .svg, and fail if costs grow."""

import argparse
import os
import sys
import time
from collections import Counter

import shop.clients
from shop.dynamo.codec import encode
from shop.orders.models import Order
from shop.products.models import Product
from shop.projections.models import Kind
from shop.search import grams_to_try
from shop.users import repository as users_repository
from shop.users.models import User
from shop.users.search import MAX_GRAMS
from tests.benchmarks.lists import dataset, fill, reads, report, scans, writes
from tests.benchmarks.lists.ledger import size_of
from tests.conftest import pytest_configure
from tests.dynamodb_local.process import dynamodb_local
from tests.support.aws_mock import DYNAMODB_URL, fresh_aws

SIZES = (1_000, 10_000, 100_000)
OTHERS = (1_000, 10_000)  # products and orders
TOLERANCE = 1.2
MAX_ROW = 130  # bytes of a trigram


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-lists", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all search rows of 100,000 users")
    full = parser.parse_args().full
    pytest_configure()
    began = time.monotonic()
    with dynamodb_local() as url:
        os.environ[DYNAMODB_URL] = url
        shop.clients.dynamodb.cache_clear()
        with fresh_aws():
            written = [*writes.all_writes()]
            batch = writes.batch_of_sign_ups()
        with fresh_aws():
            found = report.Reads({}, {}, {})
            measure_users(found, full)
            measure_others(found)
    grown = found.grown(TOLERANCE)
    report.write(found, written, batch, time.monotonic() - began, full)
    sys.exit("\n".join(grown) if grown else None)


def measure_users(found: report.Reads, full: bool) -> None:
    everyone: list[User] = []
    tried = {gram for term in reads.TERMS for gram in grams_to_try(term)[:MAX_GRAMS]}
    for size in SIZES:
        added = [*dataset.users(len(everyone), size)]
        everyone += added
        fill.add_users(added)
        if full or size < SIZES[-1]:
            fill.project(Kind.USERS, [user.id for user in added])
        else:
            fill.project_partly(added, frozenset(tried))
        report_progress(f"{size} users are there")
        largest = max(size_of(encode(users_repository.user_to_item(user))) for user in everyone)
        most = reads.max_search_units(largest, MAX_ROW)
        found.add(size, reads.of_users(everyone) + reads.of_searches(everyone, most))
        found.scans[size] = scans.costs()


def measure_others(found: report.Reads) -> None:
    buyer = dataset.user(0).id
    products: list[Product] = []
    orders: list[Order] = []
    for size in OTHERS:
        more = [dataset.product(number) for number in range(len(products), size)]
        fill.add_products(more)
        fill.count(Kind.PRODUCTS, Counter(product.status.value for product in more))
        products += more
        placed = [
            dataset.order(number, buyer if number % 2 else dataset.user(number).id)
            for number in range(len(orders), size)
        ]
        fill.add_orders(placed)
        fill.count(Kind.ORDERS, Counter(order.status.value for order in placed))
        orders += placed
        report_progress(f"{size} products and orders are there")
        found.add(size, reads.of_products(products) + reads.of_orders(orders, buyer))


def report_progress(news: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {news}", file=sys.stderr)


if __name__ == "__main__":
    main()
