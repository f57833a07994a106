"""Record the test files that ran: permission records count only for a complete run."""

import pytest

from tests.support.permission_records import ran
from tools.local_cloud.stack import LocalStack


@pytest.fixture(scope="module", autouse=True)
def noted(request: pytest.FixtureRequest, stack: LocalStack) -> None:
    ran.add(request.path.name)
