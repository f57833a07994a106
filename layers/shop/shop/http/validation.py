"""Validation of bodies and queries: pydantic's errors become details."""

from pydantic import BaseModel, ValidationError

from shop.errors import BadRequest, Detail, ShopError, ValidationFailed
from shop.http.messages import message_of
from shop.http.request import Request


def read_body(model: type[BaseModel], request: Request) -> BaseModel:
    """Raise `ValidationFailed`, or an error of `Request.json`."""
    try:
        return model.model_validate_json(request.json())
    except ValidationError as error:
        raise validation_failed("body", error) from None


def read_query(model: type[BaseModel], request: Request) -> BaseModel:
    """Raise `ValidationFailed`, also for repeated parameters."""
    repeated = request.repeated
    try:
        query = model.model_validate(request.query)
    except ValidationError as error:
        failure = validation_failed("query", error)
        raise ValidationFailed(details=[*repeated, *failure.details]) from None
    if repeated:
        raise ValidationFailed(details=repeated)
    return query


def validation_failed(place: str, failure: ValidationError) -> ShopError:
    """Convert pydantic's errors to ours, without the input."""
    details = []
    for error in failure.errors(include_url=False, include_input=False):
        code, location, context = error["type"], error["loc"], error.get("ctx", {})
        if code == "json_invalid":
            return BadRequest("The body is not valid JSON.")
        if "field" in context:
            location = (*location[:-1], context["field"])
        field = ".".join([place, *map(str, location)])
        details.append(Detail(field[:200], code, message_of(place, code, context, error["msg"])))
    return ValidationFailed(details=details)
