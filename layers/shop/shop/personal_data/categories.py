"""The categories of personal data in this shop, in the order of the export.

A test compares them with every attribute of every table. Keep docs/personal-data.md in step.
"""

from collections.abc import Sequence

from shop.identity.sessions.models import ABSOLUTE_LIFETIME, IDLE_LIFETIME
from shop.oauth.grants.models import CONSENT_LIFETIME
from shop.personal_data.models import Category
from shop.users.models import MAX_FORMER_EMAILS

_SESSIONS = (
    f"{ABSOLUTE_LIFETIME.days} days at most, {IDLE_LIFETIME.days} days without use, and a few days "
    "until the database deletes it"
)


def categories(log_retention_days: int) -> Sequence[Category]:
    return (
        Category(
            "user",
            "to identify you, to log you in, and to write to you",
            "until the account is deleted; of former email addresses, the last "
            f"{MAX_FORMER_EMAILS}",
            events="user.",
        ),
        Category(
            "sessions",
            "to keep you logged in, and to show you where you are logged in",
            _SESSIONS,
        ),
        Category(
            "authenticators",
            "to log you in with a second factor or a passkey",
            "until you delete it",
        ),
        Category(
            "grants",
            "to give applications the access that you allow",
            f"{CONSENT_LIFETIME.days} days after your last sign-in to the application, or until "
            "you end it",
        ),
        Category(
            "appSessions",
            "to keep you signed in to applications",
            _SESSIONS,
        ),
        Category(
            "orders",
            "to fulfil your orders, and to account for them",
            "without a limit; after the deletion of the account without your name, address and "
            "notes, under its bare id",
            events="order.",
        ),
        Category(
            "password",
            "to log you in",
            "until the account is deleted",
            omitted="Only a bcrypt hash is stored, which must not leave the database.",
        ),
        Category(
            "secondFactor",
            "to verify codes of your authenticator app, and recovery codes",
            "until you delete it; without a confirmation 10 minutes, and a few days until the "
            "database deletes it",
            omitted="Only a random number and digests are stored, from which no code derives, and "
            "the name of an app that is not confirmed.",
        ),
        Category(
            "passkeys",
            "to verify the signatures of your passkeys",
            "until you delete them",
            omitted="Only public keys, counters and identifiers are stored, which do not log in.",
        ),
        Category(
            "tokens",
            "to verify the tokens of sessions, applications and emailed links",
            "as long as the session; an hour for an emailed link",
            omitted="Only digests and expiry times are stored, from which no token can be derived.",
        ),
        Category(
            "rateLimits",
            "to stop guesses of passwords and codes, and floods of emails",
            "15 minutes, and 24 hours for emails",
            omitted="Only digests of addresses and networks are stored.",
        ),
        Category(
            "recordedResponses",
            "to execute a repeated request once",
            "24 hours, and a few days until the database deletes it",
            omitted="They are copies of responses that you, or our staff for you, have got.",
        ),
        Category(
            "emailLog",
            "to send each email once",
            "40 days; requests for an email on a queue, 14 days at most",
            omitted="They have ids only; that of a password reset has the address under `user`.",
        ),
        Category(
            "search",
            "to let admins find and count accounts",
            "until the account is deleted",
            omitted="It consists of parts of the name and the email address under `user`.",
        ),
        Category(
            "events",
            "to notify systems of the shop about changes",
            "30 days in the archive and in the log of deliveries, 14 days on queues",
            omitted="They have ids and names of changed fields, no name and no address.",
        ),
        Category(
            "logs",
            "to find faults and misuse",
            f"{log_retention_days} days",
            omitted="They have ids only.",
        ),
        Category(
            "traces",
            "to find slow and failing requests",
            "30 days",
            omitted="A sample of requests has ids, and the addresses and agents under `sessions`.",
        ),
        Category(
            "records",
            "to order changes, to sort lists, and to find the cause of a change",
            "as long as the data that they belong to",
            omitted="They are numbers, states and ids that the database needs.",
        ),
        Category(
            "administration",
            "to record which admin created a webhook endpoint",
            "as long as the endpoint exists",
            omitted="It is the id of the admin, on data of the shop.",
        ),
        Category(
            "backups",
            "to restore lost data, and to keep lists and events in step with changes",
            "35 days; 24 hours in the streams of changes",
            omitted="They are copies of the data above, as it was.",
        ),
        Category(
            "undeliverableAddresses",
            "to send no more emails to an address that rejects them",
            "until the address is removed from the list",
            omitted="The email provider keeps the list. It has the address under `user`.",
        ),
    )
