"""GET /api/users/{userId}/personal-data: export everything that is stored about a user."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import SelfOrAdminCaller
from shop.personal_data.dependencies import PersonalDataExport
from shop.personal_data.requests import PersonalDataQuery
from shop.personal_data.responses import PersonalDataResponse
from shop.users.parameters import UserId


@endpoint("GET /api/users/{userId}/personal-data", raises=(Forbidden, NotFound), is_audited=True)
def handler(
    user_id: UserId,
    query: PersonalDataQuery,
    caller: SelfOrAdminCaller,
    personal_data: PersonalDataExport,
) -> PersonalDataResponse:
    """Export personal data; the first page has everything but the orders of later pages.

    The user gets an email, at most one a day. Exports by admins are audited.
    """
    return PersonalDataResponse.of(personal_data.export(caller, user_id, query))
