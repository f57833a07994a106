"""Substrings of any script, found by the trigrams of a text."""

import unicodedata
from collections.abc import Iterable, Sequence

GRAM = 3  # characters

# Mail domains that so many users share that their trigrams tell nobody apart, and would each be
# one partition to which every sign-up writes.
_COMMON_DOMAINS = (
    *("gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "hotmail.com", "hotmail.co.uk"),
    *("outlook.com", "live.com", "msn.com", "icloud.com", "aol.com", "proton.me"),
    *("protonmail.com", "gmx.de", "gmx.net", "web.de", "mail.ru", "yandex.ru", "qq.com"),
    *("163.com", "example.com"),
)


def fold(text: str) -> str:
    """The same for spellings that differ in case, width or composition only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded)  # which casefold may undo


def grams_of(texts: Iterable[str]) -> frozenset[str]:
    """The trigrams by which folded texts are found."""
    return frozenset(gram for text in texts for gram in _grams(text)) - _COMMON


def grams_to_try(query: str) -> Sequence[str]:
    """Those of a folded query that are indexed, the likely rarest first."""
    return sorted(grams_of([query]), key=lambda gram: (-sum(map(_rarity, gram)), gram))


def _grams(text: str) -> Iterable[str]:
    return (text[start : start + GRAM] for start in range(len(text) - GRAM + 1))


def _rarity(character: str) -> int:
    """By the frequency of letters in English names, `e` and `a` being the commonest."""
    position = "eanirolstmdhcuykgbjpvfwzxq".find(character)
    return position if position >= 0 else 30


_COMMON = frozenset(gram for domain in _COMMON_DOMAINS for gram in _grams("@" + domain))
