"""Least privilege: after all end-to-end tests, grants equal the permissions used."""

import os
import re

import pytest

from tests.support.expanded_template import translated
from tests.support.iam_grants import Grant, Template, asked, granted
from tests.support.permission_records import FOLDER, Record, kept
from tests.support.sam_template import ROOT

# Permissions that no test uses, with reasons. Remove an entry when it is used or no longer granted.
UNUSED = {
    Grant("SendEmail", "ses:SendEmail", "ses:identity/*"): (
        "SES asks for the recipient's identity in its sandbox only, and the local cloud has none"
    ),
    Grant("SendEmail", "ses:SendEmail", "ses:configuration-set/${AWS::StackName}"): (
        "SES asks for the configuration set too, and the local cloud for the sender only"
    ),
}
# Functions that no test can run, with reasons.
NEVER_RUN = {
    "CheckBeforeTraffic": (
        "the local cloud has no CodeDeploy; tests/endpoints/test_check_before_traffic.py holds "
        "what it may invoke to what it is asked about"
    ),
}
# Missing resources that the smoke test's tests make functions read.
NOTHING = re.compile(r":(table|parameter)/nothing\b")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    folder = os.environ.get(FOLDER)
    assert folder, "make test records what functions ask for, and then runs this"
    return kept(ROOT / folder)


@pytest.fixture(scope="module")
def template() -> Template:
    return translated()


def test_every_end_to_end_test_file_was_recorded(records: list[Record]) -> None:
    ran = {file for record in records for file in record.tests}

    assert ran == {file.name for file in (ROOT / "tests/e2e").glob("test_*.py")}


def test_functions_request_granted_permissions_only(
    records: list[Record], template: Template
) -> None:
    required = set().union(*(asked(template, record) for record in records))

    lacking = required - granted(template)
    assert sorted(it for it in lacking if not NOTHING.search(it.resource)) == [], (
        "add the statement to the function's Policies in template.yaml"
    )


def test_granted_permissions_are_all_used(records: list[Record], template: Template) -> None:
    used = set().union(*(asked(template, record, with_denied=False) for record in records))

    unused = {it for it in granted(template) - used if it.function not in NEVER_RUN}
    assert sorted(unused) == sorted(UNUSED), (
        "remove the statement from template.yaml, test what needs it, or give the reason in UNUSED"
    )
    assert not {it.function for it in used} & NEVER_RUN.keys()
    assert NEVER_RUN.keys() <= {it.function for it in granted(template)}
