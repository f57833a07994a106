"""What a text is found by: trigrams of its folded form, without those that tell nobody apart."""

from hypothesis import given
from hypothesis import strategies as st

from shop.search import fold, grams_of, grams_to_try

words = st.text(min_size=1, max_size=20)


@given(words, words, words)
def test_every_trigram_of_a_part_is_one_of_the_whole(before: str, part: str, after: str) -> None:
    """Or a search by any of them would miss somebody."""
    whole, folded = fold(before + part + after), fold(part)

    if folded in whole:
        assert grams_of([folded]) <= grams_of([whole])
        assert set(grams_to_try(folded)) == grams_of([folded])


@given(words)
def test_folding_is_done_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_texts_that_look_alike_are_folded_alike() -> None:
    assert fold("STRASSE") == fold("Straße")
    assert fold("Zoe\u0301") == fold("ZOÉ")
    assert fold("ＡＤＡ") == "ada"  # noqa: RUF001 (wide letters are meant)


def test_a_text_that_is_shorter_than_a_trigram_has_none() -> None:
    assert grams_of(["al", ""]) == frozenset()


def test_fields_do_not_run_into_each_other() -> None:
    assert "abc" not in grams_of(["ab", "cd"])


def test_common_mail_domains_are_found_by_nothing_of_theirs() -> None:
    assert grams_of(["x@gmail.com"]) == {"x@g"}
    assert grams_to_try("@gmail.com") == []


def test_the_rarest_is_tried_first() -> None:
    assert grams_to_try("ananzq")[0] == "nzq"
    assert grams_to_try("ann王小明")[0] == "王小明"
