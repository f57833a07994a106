"""Record the test files that ran: permission records count only for a complete run."""

import pytest

from tests.support.permission_records import ran


@pytest.fixture(scope="module", autouse=True)
def noted(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--deployed") is None:
        request.getfixturevalue("stack")
        ran.add(request.path.name)
