"""Recovery tokens on the deployed stack: written directly to the table, or read from emails."""

import re
from datetime import timedelta

from shop.clock import now, to_epoch, to_text
from shop.identity.recovery.models import LIFETIME, MAX_EMAILS_FROM_NETWORK, Purpose
from shop.identity.recovery.tokens import digest_of, new_token
from tests.support.deployed_shop import Person, Shop
from tools.local_cloud.mailbox import Message

KINDS = {"email-verifications": Purpose.VERIFICATION, "password-resets": Purpose.RESET}


def create_token(
    shop: Shop, person: Person, kind: str, generation: int = 1, lives: timedelta = LIFETIME
) -> str:
    """Create a token in the worker's format."""
    token = new_token()
    expires_at = now() + lives
    shop.stack.client("dynamodb").put_item(
        TableName=shop.resources["RecoveryTokensTable"],
        Item={
            "digest": {"S": digest_of(token)},
            "purpose": {"S": KINDS[kind].value},
            "user_id": {"S": person.id},
            "email": {"S": person.email},
            "epoch": {"N": str(generation)},
            "expires_at": {"S": to_text(expires_at)},
            # Later than the expiry, so that expired tokens still exist, as on AWS.
            "ttl": {"N": str(to_epoch(expires_at + timedelta(days=1)))},
        },
    )
    return token


def verify(shop: Shop, person: Person) -> None:
    """Verify the address of a user without an email."""
    token = create_token(shop, person, "email-verifications")
    assert shop.anonymous.put(f"/api/email-verifications/{token}").status_code == 204


def is_kept(shop: Shop, token: str) -> bool:
    return digest_of(token) in {row["digest"]["S"] for row in shop.table("RecoveryTokensTable")}


def token_in(message: Message) -> str:
    """Return the token of the email's only link, which is equal in text and HTML."""
    (link,) = re.findall(r"^https?://\S+$", message.text, re.MULTILINE)
    assert f'href="{link}"' in message.html
    token: str = link.partition("#")[2].partition("=")[2]
    return token


def reset_request_limits(shop: Shop) -> None:
    """Delete the counts of recovery requests: all tests share one network and its limit."""
    client = shop.stack.client("dynamodb")
    for row in shop.table("AttemptsTable"):
        if int(row["count"]["N"]) > MAX_EMAILS_FROM_NETWORK // 2:
            key = {"digest": row["digest"]}
            client.delete_item(TableName=shop.resources["AttemptsTable"], Key=key)
