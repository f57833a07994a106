"""``make personal-data``: export the personal data of a user into one file."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # the document is JSON

import boto3

from shop.entrypoints.operator_command import act_as
from shop.errors import NotFound
from shop.identifiers import canonical_id
from shop.personal_data.dependencies import personal_data_service
from shop.personal_data.requests import PersonalDataQuery
from shop.personal_data.responses import PersonalDataResponse
from tools.audit import audited
from tools.local_cloud.emulator_process import REPOSITORY
from tools.tables.deployment import LOCAL_STACK, attach

type Document = dict[str, Any]


def export(user_id: str) -> Document:
    """Return the pages of the API as one document; raise `NotFound` for an unknown user."""
    document = _page(user_id, None)
    while (cursor := document["meta"]["nextCursor"]) is not None:
        page = _page(user_id, cursor)
        document["orders"] += page["orders"]
        document["meta"] = page["meta"]
    return document


def _page(user_id: str, cursor: str | None) -> Document:
    query = PersonalDataQuery(cursor=cursor)
    data = personal_data_service().export(act_as(user_id), user_id, query)
    page: Document = json.loads(PersonalDataResponse.of(data).as_text())
    return page


def _save(path: Path, document: Document) -> None:
    """Write the file so that only its owner can read it."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="make personal-data", description=__doc__)
    parser.add_argument("user", help="id of the user")
    parser.add_argument("--env", help="environment in samconfig.toml; default: the local stack")
    parser.add_argument(
        "--local-stack", type=Path, default=LOCAL_STACK, help="stack.json of the local stack"
    )
    parser.add_argument("--folder", type=Path, default=REPOSITORY / ".local")
    options = parser.parse_args(arguments)
    user_id = canonical_id(options.user)
    if user_id is None:
        parser.error("the user is no id")
    stack = attach(options.env, options.local_stack)
    with audited(boto3.client, stack, "personal-data", {"user_id": user_id}) as record:
        try:
            document = export(user_id)
        except NotFound:
            record.outcome = "NotFound"
            sys.exit(f"There is no user {user_id}.")
        path = options.folder / f"personal-data-{user_id}.json"
        _save(path, document)
        record.outcome = "done"
    print(f"{path}: {len(document['orders'])} orders")


if __name__ == "__main__":
    main()
