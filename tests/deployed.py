"""The tests that need only the API, on any deployment: `python -m tests.deployed URL`.

The variable SHOP_ADMIN has the login of an admin, as JSON: `{"email": "…", "password": "…"}`.
SHOP_ORIGIN has an origin of the deployment's AllowedOrigins.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

# Conformance is last: its admin leaves failed logins, which expire after 15 minutes.
SUITES = (
    *("tests/e2e", "tests/test_access.py", "tests/test_access_of_apps.py"),
    *("tests/clients/typescript.py", "tests/conformance"),
)


class Outcomes:
    """A pytest plugin that keeps the outcome of each test, and the number of other tests."""

    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}
        self.local_only = 0

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.local_only += len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            failed_before = self.by_test.get(report.nodeid) == "failed"
            self.by_test[report.nodeid] = "failed" if failed_before else report.outcome

    def summary(self) -> str:
        passed = list(self.by_test.values()).count("passed")
        return (
            f"{passed} of {len(self.by_test)} tests over HTTP passed; "
            f"{self.local_only} others are local_only"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.deployed", description=__doc__)
    parser.add_argument("url", help="base URL of the API, with its stage")
    parser.add_argument("--outcomes", type=Path, help="JSON file for the outcome of each test")
    parser.add_argument("suites", nargs="*", default=SUITES, help="files of tests")
    options = parser.parse_intermixed_args()
    if "SHOP_ADMIN" not in os.environ:
        parser.error("set SHOP_ADMIN to the login of an admin")
    outcomes = Outcomes()
    arguments = ["-n0", "-p", "no:cacheprovider", "--deployed", options.url, *options.suites]
    code = pytest.main(arguments, plugins=[outcomes])
    print(outcomes.summary())
    if options.outcomes:
        found = {"tests": outcomes.by_test, "local_only": outcomes.local_only}
        options.outcomes.write_text(json.dumps(found))
    sys.exit(code)


if __name__ == "__main__":
    main()
