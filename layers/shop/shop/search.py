"""Substring search in any script, by trigrams."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

GRAM = 3  # characters
# Of a folded name: folding lengthens some characters up to 18 times. Every name of 100 characters
# that folding does not lengthen fits.
MAX_NAME, MAX_NAME_BYTES = 128, 400  # characters, and bytes in UTF-8
# Of an email with its domain in Unicode; with name and email, a row stays below 1 KB.
MAX_EMAIL_BYTES = 254

# Mail domains of so many users that their trigrams do not narrow a search. Each would be a hot
# partition, written by every sign-up.
_COMMON_DOMAINS = (
    *("gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "hotmail.com", "hotmail.co.uk"),
    *("outlook.com", "live.com", "msn.com", "icloud.com", "aol.com", "proton.me"),
    *("protonmail.com", "gmx.de", "gmx.net", "web.de", "mail.ru", "yandex.ru", "qq.com"),
    *("163.com", "example.com"),
)


def fold(text: str) -> str:
    """Return a canonical form: equal for texts that differ in case, width or composition only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKC", folded)  # which casefold may undo
    if "\u0307" not in folded:
        return folded
    # The capital İ casefolds to an i with a combining dot above, which no query contains.
    return unicodedata.normalize("NFKC", _DOTS_OF_I.sub("", folded))


def is_caseless(text: str) -> bool:
    """Return whether a text consists of letters of scripts without case.

    Such scripts are Chinese, Arabic, Thai and others. Iteration and length marks (`々`, `ー`, `ๆ`)
    and letter numbers (`〇`) are letters here too. A letter may have combining marks.
    """
    found = [it for it in fold(text) if not unicodedata.category(it).startswith("M")]
    return bool(found) and all(map(_is_caseless_letter, found))


def texts_of(name: str, email: str) -> tuple[str, ...]:
    """Return the searchable texts of a user, folded: name, email, and email with Unicode domain.

    Limits in characters and bytes bound the number and the size of search rows.
    """
    found = (_cut(fold(name)[:MAX_NAME], MAX_NAME_BYTES), fold(email))
    if "xn--" not in email:
        return found
    return (*found, _cut(fold(_in_unicode(email)), MAX_EMAIL_BYTES))


def grams_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the indexed trigrams of folded texts."""
    return frozenset(gram for text in texts for gram in _grams(text)) - _COMMON


def grams_to_try(query: str) -> Sequence[str]:
    """Return the indexed trigrams of a folded query, the probably rarest first."""
    return sorted(grams_of([query]), key=lambda gram: (-sum(map(_rarity, gram)), gram))


def _is_caseless_letter(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Lo", "Lm", "Nl")
        and character.lower() == character == character.upper()
    )


def _cut(text: str, size: int) -> str:
    """Return the leading characters that fit into `size` bytes of UTF-8."""
    return text.encode(errors="ignore")[:size].decode(errors="ignore")


def _in_unicode(email: str) -> str:
    """Convert the A-labels of the email's domain to U-labels (RFC 5890)."""
    local, _, domain = email.rpartition("@")
    return f"{local}@{'.'.join(map(_label_in_unicode, domain.split('.')))}"


def _label_in_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode().decode("punycode")
    except UnicodeError:
        return label


def _grams(text: str) -> Iterable[str]:
    return (text[start : start + GRAM] for start in range(len(text) - GRAM + 1))


def _rarity(character: str) -> int:
    """Rank by the frequency of letters in English names; `e` and `a` are the most common."""
    position = "eanirolstmdhcuykgbjpvfwzxq".find(character)
    return position if position >= 0 else 30


_DOTS_OF_I = re.compile("(?<=i)\u0307+")
_COMMON = frozenset(gram for domain in _COMMON_DOMAINS for gram in _grams("@" + domain))
