"""Breaking changes between two OpenAPI documents: changes that can fail existing clients."""

from collections.abc import Iterator
from typing import Any  # documents are JSON

type Part = dict[str, Any]

_UPPER_BOUNDS = ("maximum", "maxLength", "maxItems")
_LOWER_BOUNDS = ("minimum", "minLength", "minItems")
_ERROR = {"$ref": "#/components/schemas/Error"}
_RULES = ("pattern", "not", "anyOf")
# Parts of patterns that were widened since a release: every earlier match still matches.
_WIDENED = (
    ("[0-9a-f]", "[0-9A-Fa-f]"),  # ids, also in upper case
    (  # lists of entity tags, also with empty elements
        r'(W/)?"[\x21\x23-\x7e]*"(\s*,\s*(W/)?"[\x21\x23-\x7e]*")*',
        r'[\s,]*(W/)?"[\x21\x23-\x7e]*"(\s*,[\s,]*(W/)?"[\x21\x23-\x7e]*")*[\s,]*',
    ),
)
_ANY = ("null", "boolean", "integer", "number", "string", "array", "object")
# Fields of a security scheme for people, without effect on requests.
_DOCUMENTATION = {"description", "bearerFormat"}


def breaking_changes(old: Part, new: Part) -> list[str]:
    """Return one line per change, such as `POST /api/users body.name: maxLength`."""
    return sorted(set(_Comparison(old, new).of_documents()))


class _Comparison:
    def __init__(self, old: Part, new: Part) -> None:
        self._old, self._new = old, new

    def of_documents(self) -> Iterator[str]:
        schemes = self._new["components"]["securitySchemes"]
        for name, scheme in self._old["components"]["securitySchemes"].items():
            new_scheme = schemes.get(name, {})
            for word in (scheme.keys() | new_scheme.keys()) - _DOCUMENTATION:
                if scheme.get(word) != new_scheme.get(word):
                    yield f"securitySchemes.{name}: {word}"
        for path, methods in self._old["paths"].items():
            for method, old in methods.items():
                at = f"{method.upper()} {path}"
                new = self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{at}: gone"
                    continue
                if old["operationId"] != new["operationId"]:
                    yield f"{at}: operationId"
                yield from self._of_security(at, old, new)
                yield from self._of_parameters(at, old, new)
                yield from self._of_bodies(at, old, new)
                yield from self._of_responses(at, old, new)

    def _of_security(self, at: str, old: Part, new: Part) -> Iterator[str]:
        before, after = _security_options(old, self._old), _security_options(new, self._new)
        if {} in after or all(way in after for way in before):
            return
        yield f"{at}: no longer open to anyone" if {} in before else f"{at}: security"

    def _of_parameters(self, at: str, old: Part, new: Part) -> Iterator[str]:
        olds, news = _by_name(old, self._old), _by_name(new, self._new)
        for name, parameter in news.items():
            if name not in olds and parameter["required"]:
                yield f"{at} {name}: new and required"
        for name, parameter in olds.items():
            if name not in news:
                yield f"{at} {name}: gone"
                continue
            if news[name]["required"] and not parameter["required"]:
                yield f"{at} {name}: required"
            yield from _of_default(f"{at} {name}", parameter["schema"], news[name]["schema"])
            yield from self._of_request_schema(
                f"{at} {name}", parameter["schema"], news[name]["schema"]
            )

    def _of_bodies(self, at: str, old: Part, new: Part) -> Iterator[str]:
        olds = old.get("requestBody", {}).get("content", {})
        news = new.get("requestBody", {}).get("content", {})
        if news and not olds:
            yield f"{at} body: new and required"
        for media_type, body in olds.items():
            if media_type not in news:
                yield f"{at} body: {media_type} gone"
            else:
                yield from self._of_request_schema(
                    f"{at} body", body["schema"], news[media_type]["schema"]
                )

    def _of_responses(self, at: str, old: Part, new: Part) -> Iterator[str]:
        for status, response in old["responses"].items():
            if status not in new["responses"]:
                yield f"{at} {status}: gone"
                continue
            before = _resolved(response, self._old)
            after = _resolved(new["responses"][status], self._new)
            yield from self._of_headers(f"{at} {status}", before["headers"], after["headers"])
            for code in _codes(status, before) - _codes(status, after):
                yield f"{at} {status}: {code} gone"
            for media_type, body in before.get("content", {}).items():
                if media_type not in after.get("content", {}):
                    yield f"{at} {status}: {media_type} gone"
                    continue
                after_schema = after["content"][media_type]["schema"]
                # All operations share this schema, so its change is reported once.
                is_error = body["schema"] == after_schema == _ERROR
                place = "Error" if is_error else f"{at} {status} body"
                yield from self._of_response_schema(place, body["schema"], after_schema)

    def _of_headers(self, at: str, old: Part, new: Part) -> Iterator[str]:
        for name, header in old.items():
            if name not in new:
                yield f"{at} {name}: gone"
                continue
            before, after = _resolved(header, self._old), _resolved(new[name], self._new)
            if before["required"] and not after["required"]:
                yield f"{at} {name}: may be absent"
            yield from self._of_response_schema(f"{at} {name}", before["schema"], after["schema"])

    def _of_request_schema(self, at: str, old: Part, new: Part) -> Iterator[str]:
        """Yield the changes by which earlier valid requests are rejected."""
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if not _types(old) <= _types(new):
            yield f"{at}: type"
        before, after = _values(old), _values(new)
        if after is not None and (before is None or not before <= after):
            yield f"{at}: enum"
        for word in _tightened_bounds(old, new):
            yield f"{at}: {word}"
        for word in _RULES:
            if word in new and new[word] not in (old.get(word), _widened(old.get(word))):
                yield f"{at}: {word}"
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{at}.{name}: required"
        for name, field in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{at}.{name}: gone"
                continue
            if name not in old.get("required", ()):
                yield from _of_default(f"{at}.{name}", field, new["properties"][name])
            yield from self._of_request_schema(f"{at}.{name}", field, new["properties"][name])
        if "items" in old and "items" in new:
            yield from self._of_request_schema(f"{at}[]", old["items"], new["items"])

    def _of_response_schema(self, at: str, old: Part, new: Part) -> Iterator[str]:
        """Yield the guarantees that responses lose; new values of an enum are allowed."""
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if not _types(new) <= _types(old):
            yield f"{at}: type"
        before, after = _values(old), _values(new)
        if before is not None and (after is None or not before <= after):
            yield f"{at}: enum"
        for word in ("format", "pattern", "anyOf"):
            if word in old and old[word] != new.get(word):
                yield f"{at}: {word}"
        for word in _tightened_bounds(new, old):
            yield f"{at}: {word}"
        for name in set(old.get("required", ())) - set(new.get("required", ())):
            yield f"{at}.{name}: may be absent"
        for name, field in old.get("properties", {}).items():
            if name in new.get("properties", {}):
                yield from self._of_response_schema(f"{at}.{name}", field, new["properties"][name])
            else:
                yield f"{at}.{name}: gone"
        if "items" in old and "items" in new:
            yield from self._of_response_schema(f"{at}[]", old["items"], new["items"])


def _resolved(part: Part, document: Part) -> Part:
    if "$ref" not in part:
        return part
    kind, name = part["$ref"].split("/")[-2:]
    found: Part = document["components"][kind][name]
    return found


def _security_options(operation: Part, document: Part) -> list[Part]:
    """Return the alternative security requirements; an empty one needs no credentials."""
    return operation.get("security", document["security"]) or [{}]


def _codes(status: str, response: Part) -> set[str]:
    """Return the error codes of a status: the names of its examples."""
    media = response.get("content", {}).get("application/json", {})
    return set(media.get("examples", ())) if status >= "400" else set()


def _of_default(at: str, old: Part, new: Part) -> Iterator[str]:
    """Yield a changed default, which changes requests that omit the value."""
    if old.get("default") != new.get("default"):
        yield f"{at}: default"


def _by_name(operation: Part, document: Part) -> dict[str, Part]:
    parameters = [_resolved(parameter, document) for parameter in operation["parameters"]]
    return {f"{it['in']}.{it['name']}": it for it in parameters}


def _widened(rule: object) -> object:
    """Return the pattern with its widened parts replaced."""
    if isinstance(rule, str):
        for before, after in _WIDENED:
            rule = rule.replace(before, after)
    return rule


def _tightened_bounds(old: Part, new: Part) -> Iterator[str]:
    """Yield the bounds that allow fewer values than before."""
    for word in _UPPER_BOUNDS:
        if word in new and new[word] < old.get(word, float("inf")):
            yield word
    for word in _LOWER_BOUNDS:
        if word in new and new[word] > old.get(word, float("-inf")):
            yield word


def _types(schema: Part) -> set[str]:
    type_ = schema.get("type", _ANY)
    return {type_} if isinstance(type_, str) else set(type_)


def _values(schema: Part) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None
