"""As in https://aws.github.io/chalice/quickstart.html."""

import rules
import store
from chalice import BadRequestError, Chalice, ForbiddenError, NotFoundError, Response

app = Chalice(app_name="peer")


@app.route("/api/users/{userId}", methods=["GET"])
def get_user(userId):
    _require(userId)
    user = store.user(userId)
    if user is None:
        raise NotFoundError("no such user")
    return user


@app.route("/api/users/{userId}/orders", methods=["POST"])
def place_order(userId):
    _require(userId)
    body = app.current_request.json_body
    if wrong := rules.problem(body):
        raise BadRequestError(wrong)
    return Response(store.place(userId, body["items"], body.get("note")), status_code=201)


def _require(user_id):
    if app.current_request.context["authorizer"]["sub"] != user_id:
        raise ForbiddenError("not yours")
