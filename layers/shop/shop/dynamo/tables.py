"""Table names of this deployment."""

from shop.config import setting


def users() -> str:
    return setting("USERS_TABLE")


def credentials() -> str:
    return setting("CREDENTIALS_TABLE")


def sessions() -> str:
    return setting("SESSIONS_TABLE")


def products() -> str:
    return setting("PRODUCTS_TABLE")


def grants() -> str:
    return setting("GRANTS_TABLE")


def oauth_clients() -> str:
    return setting("OAUTH_CLIENTS_TABLE")


def orders() -> str:
    return setting("ORDERS_TABLE")


def idempotency() -> str:
    return setting("IDEMPOTENCY_TABLE")


def attempts() -> str:
    return setting("ATTEMPTS_TABLE")


def recovery_tokens() -> str:
    return setting("RECOVERY_TOKENS_TABLE")


def counters() -> str:
    return setting("COUNTERS_TABLE")


def search() -> str:
    return setting("SEARCH_TABLE")


def authenticators() -> str:
    return setting("AUTHENTICATORS_TABLE")


def webhooks() -> str:
    return setting("WEBHOOKS_TABLE")
