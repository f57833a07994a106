"""Responses of OAuth's own endpoints: names in snake_case, and no absent members."""

import json

from shop.http.response_models import ResponseModel


class ProtocolModel(ResponseModel):
    @classmethod
    def json_name(cls, name: str) -> str:
        return name

    def as_text(self) -> str:
        fields = {name: getattr(self, name) for name in self.json_names}
        return json.dumps({name: it for name, it in fields.items() if it is not None})
