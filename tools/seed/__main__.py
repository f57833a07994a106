"""``make seed``: fill the local stack, or a DynamoDB on this machine, for load tests."""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import boto3

from shop.projections.models import Kind
from tools.local_cloud.emulator_process import REPOSITORY
from tools.local_cloud.project import read_tables
from tools.seed.fill import fill
from tools.tables.deployment import LOCAL_STACK, attach, retrying_client, use_local


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make seed", description=__doc__)
    for kind in Kind:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="COUNT")
    parser.add_argument("--endpoint", help="a DynamoDB on this machine; missing tables are created")
    parser.add_argument(
        "--local-stack", type=Path, default=LOCAL_STACK, help="stack.json of the local stack"
    )
    options = parser.parse_args(arguments)
    if options.endpoint:
        use_local(options.endpoint)
        create_tables()
    else:
        attach(None, options.local_stack)
    began = time.monotonic()
    try:
        written = fill(retrying_client(), {kind: getattr(options, kind) for kind in Kind})
    except ValueError as error:
        sys.exit(f"{error}")
    seconds = time.monotonic() - began
    print(f"{written:,} items in {seconds:,.0f} s, {written / seconds:,.0f} per second")


def create_tables() -> None:
    """Create the template's missing tables, and set the variables with their names."""
    client = boto3.client("dynamodb")
    existing = client.list_tables()["TableNames"]
    for setting, properties in read_tables(REPOSITORY / "template.yaml").items():
        os.environ[setting] = setting.lower()
        if setting.lower() not in existing:
            client.create_table(TableName=setting.lower(), **properties)
    os.environ |= {"LIST_SHARDS": "4", "BCRYPT_COST": "5"}  # the values of the local stack


if __name__ == "__main__":
    main()
