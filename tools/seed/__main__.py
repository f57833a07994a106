"""``make seed``: fills the running local stack, or a DynamoDB on this machine, for load tests."""

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
from tools.tables.deployment import LOCAL_STACK, attach, patient_client, use_local


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make seed", description=__doc__)
    for kind in Kind:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="COUNT")
    parser.add_argument("--endpoint", help="a DynamoDB of this machine; its tables are made")
    parser.add_argument("--local-stack", type=Path, default=LOCAL_STACK, help="its stack.json")
    options = parser.parse_args(arguments)
    if options.endpoint:
        use_local(options.endpoint)
        make_tables()
    else:
        attach(None, options.local_stack)
    began = time.monotonic()
    try:
        written = fill(patient_client(), {kind: getattr(options, kind) for kind in Kind})
    except ValueError as refused:
        sys.exit(f"{refused}")
    seconds = time.monotonic() - began
    print(f"{written:,} items in {seconds:,.0f} s, {written / seconds:,.0f} a second")


def make_tables() -> None:
    """The template's tables as far as they are missing, and the settings that name them."""
    client = boto3.client("dynamodb")
    existing = client.list_tables()["TableNames"]
    for setting, properties in read_tables(REPOSITORY / "template.yaml").items():
        os.environ[setting] = setting.lower()
        if setting.lower() not in existing:
            client.create_table(TableName=setting.lower(), **properties)
    os.environ |= {"LIST_SHARDS": "4", "BCRYPT_COST": "10"}  # as the local stack has


if __name__ == "__main__":
    main()
