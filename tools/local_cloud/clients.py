"""Clients of the emulator's AWS APIs, as the root of its account."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

# The emulator's root credentials; it checks signature and policies of all others.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


# Any: botocore makes its clients at run time.
@cache
def client(service: str, endpoint: str, region: str) -> Any:
    session = botocore.session.Session()
    # Ignore the profiles and the AWS files of the user.
    session.set_config_variable("profile", None)
    session.set_config_variable("config_file", "/dev/null")
    session.set_config_variable("credentials_file", "/dev/null")
    session.set_credentials(*CREDENTIALS.values())
    direct = Config(proxies={})
    return session.create_client(service, region, endpoint_url=endpoint, config=direct)
