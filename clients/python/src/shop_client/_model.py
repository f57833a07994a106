"""Base class of responses."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

SECRETS = {"access_token", "id_token", "redirect_to", "refresh_token", "secret"}


class Model(BaseModel):
    """A response, or a part of one. `model_extra` has the fields that a newer API added."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        for name, value in super().__repr_args__():
            yield name, "..." if name in SECRETS else value
