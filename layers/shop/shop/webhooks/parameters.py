"""Path parameters of webhook endpoints."""

import re
from functools import partial
from typing import Annotated

from shop.caller import Caller
from shop.errors import NotFound
from shop.http.parameters import BoundEndpoint, PathId, Reader
from shop.http.request import Request

_VERSION = re.compile("[1-9][0-9]{0,8}")

EndpointId = Annotated[str, PathId()]


class PathVersion:
    """The number of a secret's version."""

    pattern = f"^{_VERSION.pattern}$"
    description = "the version of a secret, from 1"
    max_length = 9

    def read(self, text: str, caller: Caller | None) -> str:  # noqa: ARG002
        if _VERSION.fullmatch(text) is None:
            raise NotFound
        return text

    def bind(self, endpoint: BoundEndpoint, name: str, /) -> Reader:
        return partial(self._number, endpoint.path_names[name])

    def _number(self, name: str, request: Request) -> int:
        return int(self.read(request.path_parameters[name], request.caller))


SecretVersion = Annotated[int, PathVersion()]
