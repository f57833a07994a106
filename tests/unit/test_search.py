"""Search terms: trigrams of the folded text, without common ones."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.search import (
    MAX_NAME,
    fold,
    grams_of,
    grams_to_try,
    is_caseless,
    texts_of,
)

words = st.text(min_size=1, max_size=20)


@given(words, words, words)
def test_every_trigram_of_a_part_is_one_of_the_whole(before: str, part: str, after: str) -> None:
    """Otherwise a search by one of them would miss a match."""
    whole, folded = fold(before + part + after), fold(part)

    if folded in whole:
        assert grams_of([folded]) <= grams_of([whole])
        assert set(grams_to_try(folded)) == grams_of([folded])


@given(words)
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_similar_texts_are_folded_alike() -> None:
    assert fold("STRASSE") == fold("Straße")
    assert fold("Zoe\u0301") == fold("ZOÉ")
    assert fold("ＡＤＡ") == "ada"  # noqa: RUF001 (wide letters are meant)


def test_text_shorter_than_a_trigram_has_none() -> None:
    assert grams_of(["al", ""]) == frozenset()


def test_trigrams_do_not_span_fields() -> None:
    assert "abc" not in grams_of(["ab", "cd"])


def test_common_email_domains_have_no_trigrams() -> None:
    assert grams_of(["x@gmail.com"]) == {"x@g"}
    assert grams_to_try("@gmail.com") == []


def test_rarest_trigram_is_queried_first() -> None:
    assert grams_to_try("ananzq")[0] == "nzq"
    assert grams_to_try("ann王小明")[0] == "王小明"


@pytest.mark.parametrize("name", ["İstanbullu", "I\u0307STANBULLU", "i\u0307\u0307stanbullu"])
def test_dot_above_an_i_is_folded_away(name: str) -> None:
    assert fold(name) == "istanbullu"


def test_dot_above_other_letters_stays() -> None:
    assert fold("Ż") == "ż"
    assert fold("Ė") != fold("E")


@given(st.text(alphabet="iIİıjė\u0307\u0301\u0323", max_size=12))
def test_folding_of_dots_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_international_domain_is_searchable_in_both_forms() -> None:
    assert texts_of("Ada", "info@xn--mller-kva.example") == (
        *("ada", "info@xn--mller-kva.example", "info@müller.example"),
    )
    assert texts_of("Ada", "a@mail.xn--fa-hia.de")[2] == fold("a@mail.faß.de")
    assert texts_of("Ada", "a@xn--fiqs8s")[2] == "a@中国"


def test_malformed_punycode_domain_stays_unchanged() -> None:
    assert texts_of("Ada", "a@xn--\u00e9.example")[2] == "a@xn--\u00e9.example"
    assert texts_of("Ada", "a@xn--99999999.example")[2] == "a@xn--99999999.example"


def test_user_without_an_international_domain_has_two_search_texts() -> None:
    assert texts_of("Ada Lovelace", "ada@example.com") == ("ada lovelace", "ada@example.com")


EXPANDING = "".join(
    sorted(
        filter(str.isprintable, map(chr, range(0x10FFFF))),
        key=lambda it: -len(unicodedata.normalize("NFKC", it)),
    )[:100]
)
MAX_EMAIL = (
    f"{'abcdefghijklmnopqrstuvwxyz0123456789' * 2}"[:64]
    + "@"
    + "".join(f"xn--{number:02}{'k' * 50}a." for number in range(3))
)


@pytest.mark.parametrize(
    "name",
    [
        EXPANDING,
        "".join(map(chr, range(0x20000, 0x20064))),
        "".join(map(chr, range(0x4E00, 0x4E64))),
        "ﷺ" * 100,
    ],
)
def test_rows_of_a_user_are_bounded_in_number_and_size(name: str) -> None:
    texts = texts_of(name, MAX_EMAIL[:254])

    assert len(texts[0]) <= MAX_NAME
    assert len(grams_of(texts[:1])) <= 126
    assert len(grams_of(texts)) <= 126 + 252 + 252
    # In addition to about 100 bytes of key, status and names: 1 write unit is 1 KB.
    assert sum(len(text.encode()) for text in texts) <= 910


def test_names_not_lengthened_by_folding_are_complete() -> None:
    for name in ("".join(map(chr, range(0x20000, 0x20064))), "x" * 100, "ß" * 64):
        assert texts_of(name, "ada@example.com")[0] == fold(name)


@pytest.mark.parametrize(
    "text",
    [
        "王",
        "김",
        "あ",
        "ア",
        "ﾊ",
        "ם",
        "ش",
        "न",
        "ก",
        "𠀀",
        "㍿",
        "々",
        "〇",
        "ー",
        "ๆ",
        "ำ",
        "क़",
    ],
)
def test_single_letter_of_a_caseless_script_is_caseless(text: str) -> None:
    assert is_caseless(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "Ж",
        "Σ",
        "ß",
        "ª",
        "7",
        "%",
        " ",
        "\u0301",
        "ﬀ",
        "１",
        "。",
        "ʰ",
        "Ⅷ",
        "ↄ",
        "ა",
        "ͅ",
        "",
        "𝐀",
    ],
)
def test_single_letter_of_another_script_is_not(text: str) -> None:
    assert not is_caseless(text)
