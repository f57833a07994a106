"""Queries of personal data."""

from shop.errors import BadRequest
from shop.http.list_queries import Cursor, read_cursor, write_cursor
from shop.http.request_models import Query
from shop.identifiers import is_id


class PersonalDataQuery(Query):
    cursor: Cursor = None

    def position(self, user_id: str) -> str | None:
        """Return the id of the last order sent; raise `BadRequest` for a foreign cursor."""
        if self.cursor is None:
            return None
        position = read_cursor(_listing(user_id), self.cursor)
        if not is_id(position):
            raise BadRequest("The cursor does not belong to this list.")
        return position

    def cursor_at(self, user_id: str, position: str | None) -> str | None:
        return None if position is None else write_cursor(_listing(user_id), position)


def _listing(user_id: str) -> str:
    return f"personal data of {user_id}"
