"""As in https://github.com/adamchainz/apig-wsgi."""

import rules
import store
from apig_wsgi import make_lambda_handler
from flask import Flask, abort, request

app = Flask(__name__)


@app.get("/api/users/<user_id>")
def get_user(user_id):
    _require(user_id)
    return store.user(user_id) or abort(404)


@app.post("/api/users/<user_id>/orders")
def place_order(user_id):
    _require(user_id)
    body = request.get_json()
    if wrong := rules.problem(body):
        abort(400, wrong)
    return store.place(user_id, body["items"], body.get("note")), 201


def _require(user_id):
    if request.environ["apig_wsgi.request_context"]["authorizer"]["sub"] != user_id:
        abort(403)


handler = make_lambda_handler(app)
