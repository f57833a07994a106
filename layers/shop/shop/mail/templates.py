"""Email templates: each is written once and rendered as text and as HTML."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from shop.mail.models import EmailMessage
from shop.money import amount_to_text
from shop.orders.models import Order

# Email clients turn these into links, and an attacker may choose such a name.
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


_NOT_YOU = (
    "If you did not do this, change your password now and contact us: somebody else has access to "
    "your account."
)
# Subject, text and advice by kind and change
_SECOND_FACTOR = {
    ("totp", "added"): (
        "Your account has a second factor",
        "An authenticator app was added to your account. To log in, you need its code beside your "
        "password. All other devices are logged out.",
        _NOT_YOU,
    ),
    ("totp", "removed"): (
        "The second factor of your account was removed",
        "The authenticator app was removed from your account. Your password alone logs you in, and "
        "your recovery codes are no longer valid.",
        _NOT_YOU,
    ),
    ("passkey", "added"): (
        "A passkey was added",
        "A passkey was added to your account. It logs in without your password, also after a new "
        "password.",
        "If that was not you, log in, remove the passkey, change your password and contact us.",
    ),
    ("passkey", "removed"): (
        "A passkey was removed",
        "A passkey was removed from your account. It no longer logs in.",
        _NOT_YOU,
    ),
    ("totp", "recovery_codes_replaced"): (
        "Your recovery codes were replaced",
        "New recovery codes were created for your account. The earlier ones are no longer valid.",
        _NOT_YOU,
    ),
    ("totp", "reset"): (
        "The second factor of your account was reset",
        "Our staff removed the authenticator app and the passkeys from your account. Your password "
        "alone logs you in.",
        "If you did not ask for this, change your password now and contact us.",
    ),
    ("totp", "wrong_codes"): (
        "Wrong codes for your account",
        "Somebody entered five wrong codes of your second factor. Codes are rejected for up to 15 "
        "minutes.",
        "If that was not you, somebody else knows your password or uses one of your devices. "
        "To log out all other devices, change your password now.",
    ),
}


class Link(NamedTuple):
    label: str
    url: str


class Table(NamedTuple):
    """Rows of a text and an amount; the last row is the total."""

    rows: Sequence[tuple[str, str]]


type Part = str | Link | Table


def welcome(name: str | None, link: str | None) -> EmailMessage:
    parts: list[Part] = ["Welcome! Your account is ready."]
    if link is not None:
        parts += [
            "Please confirm your email address. The link works once and expires in an hour.",
            Link("Confirm email address", link),
        ]
    parts.append("If you did not sign up, you can ignore this email.")
    return _message("Welcome to the shop", name, parts)


def verification(name: str | None, link: str) -> EmailMessage:
    return _message(
        "Confirm your email address",
        name,
        [
            "Please confirm your email address. The link works once and expires in an hour.",
            Link("Confirm email address", link),
            "If you did not request this, you can ignore this email.",
        ],
    )


def reset(name: str | None, link: str) -> EmailMessage:
    return _message(
        "Reset your password",
        name,
        [
            "We received a request to reset the password of your account. The link works once and "
            "expires in an hour. A new password logs you out on all devices.",
            Link("Reset password", link),
            "If you did not request this, you can ignore this email. Your password stays the same.",
        ],
    )


def address_changed() -> EmailMessage:
    """Omit the new address, which readers of the old mailbox must not learn, and the name, which
    an attacker may have changed.
    """
    return _message(
        "Your email address was changed",
        None,
        [
            "The email address of your account was changed. We will not send emails to this "
            "address anymore.",
            "If you did not do this, contact us immediately: somebody else has access to your "
            "account.",
        ],
    )


def password_changed(name: str | None) -> EmailMessage:
    return _message(
        "Your password was changed",
        name,
        [
            "The password of your account was changed. All other devices are logged out.",
            "If you did not do this, reset your password now and contact us.",
        ],
    )


def order_placed(name: str | None, order: Order) -> EmailMessage:
    return _message(
        "Your order confirmation",
        name,
        ["Thank you for your order! We are preparing it.", f"Order {order.id}", _lines_of(order)],
    )


def order_cancelled(name: str | None, order: Order) -> EmailMessage:
    return _message(
        "Your order was cancelled",
        name,
        ["Your order was cancelled. We will not ship it.", f"Order {order.id}", _lines_of(order)],
    )


def webhook_disabled(name: str | None, host: str, is_gone: bool) -> EmailMessage:
    reason = (
        "answered with status 410, which means that it wants no more events"
        if is_gone
        else "has not accepted an event for 72 hours"
    )
    return _message(
        "A webhook endpoint was disabled",
        name,
        [
            f"The webhook endpoint that you created at {host} {reason}. It was disabled, and new "
            "events are not kept for it.",
            "When the receiver works again, activate the endpoint. The events that wait are sent "
            "then.",
        ],
    )


def personal_data_exported(name: str | None) -> EmailMessage:
    return _message(
        "Your personal data was exported",
        name,
        [
            "A copy of the personal data of your account was downloaded: by you, or by our staff "
            "on your request.",
            "If you did not request it, change your password and contact us: somebody else may "
            "have access to your account.",
        ],
    )


def second_factor_changed(name: str | None, kind: str, change: str) -> EmailMessage:
    """Raise KeyError for an unknown change, which a newer version writes."""
    subject, text, advice = _SECOND_FACTOR[kind, change]
    return _message(subject, name, [text, advice])


def _lines_of(order: Order) -> Table:
    rows = [
        (f"{line.quantity} × {line.name}", amount_to_text(line.total.amount))
        for line in order.lines
    ]
    return Table([*rows, ("Total", f"{amount_to_text(order.total.amount)} {order.total.currency}")])


def _message(subject: str, name: str | None, parts: Sequence[Part]) -> EmailMessage:
    """Render an email, without a name for an unverified address: see `MailService`."""
    greeting = "Hello," if name is None or _LIKE_A_LINK.search(name) else f"Hello {name},"
    footer = (
        "You receive this email because you have an account with us. Please do not reply to it."
    )
    all_parts = [greeting, *parts]
    return EmailMessage(
        subject,
        text="\n\n".join([*map(_as_text, all_parts), f"-- \n{footer}"]) + "\n",
        html=_PAGE.format(
            subject=escape(subject), parts="".join(map(_as_html, all_parts)), footer=escape(footer)
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
