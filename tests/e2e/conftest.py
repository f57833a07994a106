"""Notes which files of tests ran, since what functions asked for counts only if all did."""

import pytest

from tests.support.permission_records import ran
from tools.local_cloud.stack import LocalStack


@pytest.fixture(scope="module", autouse=True)
def noted(request: pytest.FixtureRequest, stack: LocalStack) -> None:
    ran.add(request.path.name)
