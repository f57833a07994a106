"""The measured cases: the product, its edge alone, and each peer as documented."""

from dataclasses import dataclass
from pathlib import Path

GET, POST = "GET", "POST"
TLS = "GET over TLS"  # to the store; cold starts of a few cases
APPS = Path(__file__).parent / "apps"


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    title: str
    handlers: dict[str, str]  # by method
    group: str | None  # of the pyproject.toml here; None without packages
    apps: tuple[str, ...]  # folders with files deployed in addition
    # Whether botocore's data is reduced to DynamoDB's, like the product's layer.
    is_pruned: bool = False
    is_ours: bool = False  # and uses the product's layers
    is_compiled: bool = True
    is_cold_only: bool = False


_OF_ONE_APP = {GET: "app.handler", POST: "app.handler"}
_OF_TWO_FILES = {GET: "get_user.handler", POST: "place_order.handler"}

NO_OP = Case(
    "noop",
    "a function that does nothing",
    {GET: "app.handler"},
    None,
    ("noop",),
    is_cold_only=True,
)
CASES_OVER_TLS = ("shop", "boto3", "powertools-full", "fastapi")
CASES = (
    Case("shop", "**the product**", _OF_TWO_FILES, None, (), is_ours=True),
    Case(
        "edge",
        "the product's edge, with the peers' work",
        _OF_TWO_FILES,
        None,
        ("edge",),
        is_ours=True,
    ),
    Case(
        "stdlib", "standard library: SigV4, json", _OF_TWO_FILES, None, ("bare", "rules", "stdlib")
    ),
    Case("boto3", "boto3 + json", _OF_TWO_FILES, "boto3", ("bare", "rules", "shared")),
    Case(
        "boto3-pruned",
        "boto3 + json, data pruned",
        _OF_TWO_FILES,
        "boto3",
        ("bare", "rules", "shared"),
        True,
    ),
    Case(
        "chalice",
        "Chalice",
        {GET: "app.app", POST: "app.app"},
        "chalice",
        ("rules", "shared", "chalice"),
    ),
    Case("powertools", "Powertools", _OF_ONE_APP, "powertools", ("shared", "powertools")),
    Case(
        "powertools-full",
        "Powertools + Logger, Tracer, Metrics",
        _OF_ONE_APP,
        "powertools",
        ("shared", "powertools_full"),
    ),
    Case("flask", "Flask + apig-wsgi", _OF_ONE_APP, "flask", ("rules", "shared", "flask")),
    Case("fastapi", "FastAPI + Mangum", _OF_ONE_APP, "fastapi", ("shared", "fastapi")),
    Case(
        "shop-source",
        "the product without its .pyc files",
        {GET: "get_user.handler"},
        None,
        (),
        is_ours=True,
        is_compiled=False,
        is_cold_only=True,
    ),
    Case(
        "fastapi-source",
        "FastAPI without its .pyc files",
        {GET: "app.handler"},
        "fastapi",
        ("shared", "fastapi"),
        is_compiled=False,
        is_cold_only=True,
    ),
    NO_OP,
)
