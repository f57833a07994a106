"""A cursor continues its own list, and page numbers reach a bounded depth."""

import re
from types import SimpleNamespace
from typing import Any, Self

import pytest
from pydantic import ValidationError

from shop.errors import BadRequest
from shop.http.list_queries import ListQuery, PublicListQuery, read_cursor, write_cursor
from shop.http.pages import Page
from shop.http.request import Request
from shop.http.response_models import ResponseModel
from shop.orders.requests import OrderListQuery
from shop.pagination import IndexPage, PageRequest, PageResult
from tests.support.gateway_events import event


class Line(ResponseModel):
    text: str

    @classmethod
    def of(cls, stored: Any) -> Self:
        return cls(text=stored.text)


class Names(Page[Line]):
    """A page of names."""


LISTED = Request(event("GET /api/names", query={"limit": "20", "page": "1"}, prefix=""))
ID = "01900000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("position", [ID, f"0000001990#{ID}", f"äpfel\0{ID}"])
def test_cursor_finds_its_position_in_its_own_list(position: str) -> None:
    cursor = write_cursor("orders of alice", position)

    assert read_cursor("orders of alice", cursor) == position


def test_longest_position_fits_a_cursor() -> None:
    cursor = write_cursor("products", "ä" * 128 + "\0" + ID)

    assert ListQuery(cursor=cursor).cursor == cursor


def test_links_and_cursors_have_no_character_that_the_gateway_refuses() -> None:
    """API Gateway splits a query at `;`, and answers 400 to a plain `|`, `{` or `}`."""
    refused = ";|{}"
    cursor = write_cursor(f"names {refused}", f"{refused}\0{ID}")
    sent = Request(event("GET /api/names", query={"search": refused}, prefix=""))
    page = Names.of(PageResult([], cursor, None), ListQuery(), Line.of)

    links = re.findall("<([^>]*)>", page.headers(sent)["Link"])
    assert len(links) == 2
    assert not [link for link in [*links, cursor] if set(link) & set(refused)]
    assert all("search=%3B%7C%7B%7D" in link for link in links)


def test_cursor_of_another_list_is_rejected() -> None:
    cursor = write_cursor("orders of alice", ID)

    with pytest.raises(BadRequest):
        read_cursor("orders of bob", cursor)


@pytest.mark.parametrize("position", ["summary", "gate", "", "0", "sku#PEAR"])
def test_cursor_to_a_hidden_item_is_rejected(position: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor("orders of alice", write_cursor("orders of alice", position))


@pytest.mark.parametrize("cursor", ["", "x", "!", "é", "AAAA", "A" * 500, "=", "eyJhIjoxfQ"])
def test_malformed_cursor_is_rejected(cursor: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor("orders of alice", cursor)


def test_cursor_has_one_encoding() -> None:
    cursor = write_cursor("orders of alice", ID)

    for other in (cursor + "=", cursor + "==", cursor + "\n", " " + cursor):
        with pytest.raises(BadRequest):
            read_cursor("orders of alice", other)


def test_cursor_is_bound_to_the_sort_and_not_to_the_page_size() -> None:
    cursor = ListQuery(limit=2).page_result("users", IndexPage(["a"], ID), None).next_cursor

    assert ListQuery(cursor=cursor, limit=7).page_request("users") == PageRequest(ID, 0, 7)
    with pytest.raises(BadRequest):
        ListQuery(cursor=cursor, sort="createdAt").page_request("users")
    with pytest.raises(BadRequest):
        ListQuery(cursor=cursor).page_request("orders")


def test_page_number_skips_earlier_pages() -> None:
    assert ListQuery(page=3, limit=20).page_request("users") == PageRequest(None, 40, 20)


@pytest.mark.parametrize(
    ("query", "given"),
    [
        (ListQuery, {"page": 101, "limit": 100}),
        (ListQuery, {"page": 10_001, "limit": 1}),
        (PublicListQuery, {"page": 11, "limit": 100}),
        (PublicListQuery, {"page": 2, "cursor": "x"}),
        (PublicListQuery, {"page": 1, "cursor": "x"}),
    ],
)
def test_page_out_of_reach_is_rejected(query: type[ListQuery], given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        query(**given)


@pytest.mark.parametrize(
    ("page", "items", "total", "previous"),
    [
        (1, ["a"], 1, None),
        (2, ["a"], 21, 1),
        (3, ["a"], 21, 2),  # the total lags by up to 2 s
        (2, [], 20, 1),
        (3, [], 20, 1),
        (5, [], 41, 3),
        (4, [], 80, 3),
        (1, [], 20, None),
        (2, [], 0, None),
        (3, [], None, None),
        (3, ["a"], None, 2),
    ],
)
def test_previous_page_link_leads_to_a_page_with_rows(
    page: int, items: list[str], total: int | None, previous: int | None
) -> None:
    found = PageResult([SimpleNamespace(text=it) for it in items], None, total)

    links = Names.of(found, ListQuery(page=page), Line.of).headers(LISTED)["Link"]

    found_links = re.findall(r'<([^>]*)>; rel="prev"', links)
    assert found_links == ([f"/api/names?limit=20&page={previous}"] if previous else [])


def test_last_page_within_reach_is_accepted() -> None:
    assert ListQuery(page=100, limit=100).page_request("users").offset == 9_900
    assert PublicListQuery(page=10, limit=100).page_request("products").offset == 900


def test_cursor_is_the_one_of_earlier_versions() -> None:
    """Both versions of a function serve one list during a deployment."""
    query = OrderListQuery.model_validate({"status": "pending", "sort": "total", "limit": "7"})
    page: IndexPage[Any] = IndexPage([], "0000001990#0190a6b2-7c9e-7b1a-8f00-0000000000c1")

    cursor = query.page_result("orders of x", page, 3).next_cursor

    issued = "TBOtOWtXSyNRMDAwMDAwMTk5MCMwMTkwYTZiMi03YzllLTdiMWEtOGYwMC0wMDAwMDAwMDAwYzE"
    assert cursor == issued
