"""The letters, each written once and shown twice: as text and as HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from shop.mail.models import EmailMessage
from shop.money import amount_to_text
from shop.orders.models import Order

# Mail programs make links of these, and whoever is in an account may name its owner so.
_LIKE_A_LINK = re.compile(r"[/:@\\]|\w\.\w|www", re.IGNORECASE)

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{subject}</title></head>'
    '<body style="margin:0;padding:24px;background:#f4f4f2;color:#222;'
    'font:16px/1.5 system-ui,sans-serif">'
    '<div style="max-width:560px;margin:auto;padding:24px;background:#fff;border-radius:8px">'
    '{parts}<p style="margin:24px 0 0;color:#6b6b6b;font-size:13px">{footer}</p>'
    "</div></body></html>"
)
_BUTTON = (
    '<p><a href="{url}" style="display:inline-block;padding:10px 18px;background:#1f5f4a;'
    'color:#fff;border-radius:6px;text-decoration:none">{label}</a></p>'
    '<p style="font-size:13px;color:#6b6b6b;word-break:break-all">{url}</p>'
)
_CELL = '<td style="padding:4px 12px 4px 0{more}">{text}</td>'


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Table:
    """Rows of a text and an amount, the last of them the sum."""

    rows: Sequence[tuple[str, str]]


type Part = str | Link | Table


def welcome(name: str | None, link: str | None) -> EmailMessage:
    parts: list[Part] = ["Welcome! Your account is ready."]
    if link is not None:
        parts += [
            "Please confirm that this address is yours. The link works once, within an hour.",
            Link("Confirm this address", link),
        ]
    parts.append("If you did not sign up, somebody else used your address: ignore this mail.")
    return _letter("Welcome to the shop", name, parts)


def verification(name: str | None, link: str) -> EmailMessage:
    return _letter(
        "Confirm your e-mail address",
        name,
        [
            "Please confirm that this address is yours. The link works once, within an hour.",
            Link("Confirm this address", link),
            "If you did not ask for this, ignore this mail.",
        ],
    )


def reset(name: str | None, link: str) -> EmailMessage:
    return _letter(
        "Choose a new password",
        name,
        [
            "Somebody, hopefully you, asked for a new password for your account. "
            "The link works once, within an hour, and logs you out everywhere.",
            Link("Choose a new password", link),
            "If it was not you, ignore this mail: your password stays as it is.",
        ],
    )


def address_changed() -> EmailMessage:
    """Without the new address, which is no business of whoever reads the old one's mail, and
    without the name: whoever is in the account may have chosen it.
    """
    return _letter(
        "Your e-mail address was changed",
        None,
        [
            "Your account has another e-mail address from now on, and no more mail comes here.",
            "If it was not you, somebody else is in your account: contact us at once.",
        ],
    )


def password_changed(name: str | None) -> EmailMessage:
    return _letter(
        "Your password was changed",
        name,
        [
            "Your account has a new password, and all other devices are logged out.",
            "If it was not you, ask for a new password now, and contact us.",
        ],
    )


def order_placed(name: str | None, order: Order) -> EmailMessage:
    return _letter(
        "We have your order",
        name,
        ["Thank you! We have your order and get it ready.", f"Order {order.id}", _lines_of(order)],
    )


def order_cancelled(name: str | None, order: Order) -> EmailMessage:
    return _letter(
        "Your order is cancelled",
        name,
        ["This order is cancelled and will not be sent.", f"Order {order.id}", _lines_of(order)],
    )


def _lines_of(order: Order) -> Table:
    rows = [
        (f"{line.quantity} × {line.name}", amount_to_text(line.total.amount))
        for line in order.lines
    ]
    return Table([*rows, ("Total", f"{amount_to_text(order.total.amount)} {order.total.currency}")])


def _letter(subject: str, name: str | None, parts: Sequence[Part]) -> EmailMessage:
    """Without a name where nobody has verified the address: a stranger's words are no greeting."""
    greeting = "Hello," if name is None or _LIKE_A_LINK.search(name) else f"Hello {name},"
    footer = "You get this mail because of your account with us. Nobody reads answers to it."
    told = [greeting, *parts]
    return EmailMessage(
        subject,
        text="\n\n".join([*map(_as_text, told), f"-- \n{footer}"]) + "\n",
        html=_PAGE.format(
            subject=escape(subject), parts="".join(map(_as_html, told)), footer=escape(footer)
        ),
    )


def _as_text(part: Part) -> str:
    match part:
        case Link():
            return f"{part.label}:\n{part.url}"
        case Table():
            widest = max(len(text) for text, _ in part.rows)
            return "\n".join(f"{text:{widest}}  {amount:>14}" for text, amount in part.rows)
        case _:
            return part


def _as_html(part: Part) -> str:
    match part:
        case Link():
            return _BUTTON.format(url=escape(part.url), label=escape(part.label))
        case Table():
            return f'<table style="border-collapse:collapse">{"".join(_rows(part.rows))}</table>'
        case _:
            return f"<p>{escape(part)}</p>"


def _rows(rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    for text, amount in rows:
        right = _CELL.format(more=";text-align:right;white-space:nowrap", text=escape(amount))
        yield f"<tr>{_CELL.format(more='', text=escape(text))}{right}</tr>"
