"""The blocking variant of asynchronous code, by its tokens."""

import io
import re
import tokenize

DROPPED = {"async", "await"}
NAMES = {
    "AnyCallback": "Callback",
    "AnyTokenStorage": "TokenStorage",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
}
# `AsyncShop`, `AsyncIterator`, `_AsyncTransport`
PREFIX = re.compile(r"^(_?)Async(?=[A-Z])")
ORIGIN = "Generated from _async.py by `make generate`."


def blocking(source: str) -> str:
    """Return the source without `async` and `await`, and with the names of blocking code."""
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type != tokenize.NAME:
            continue
        row, start, end = token.start[0] - 1, token.start[1], token.end[1]
        line = lines[row]
        if token.string in DROPPED:
            end += len(line[end:]) - len(line[end:].lstrip(" "))
            lines[row] = line[:start] + line[end:]
        else:
            name = NAMES.get(token.string) or PREFIX.sub(r"\1", token.string)
            lines[row] = line[:start] + name + line[end:]
    first, rest = "".join(lines).split("\n", 1)
    title = first.strip('"').replace("Asynchronous", "Blocking")
    return f'"""{title}\n\n{ORIGIN}\n"""\n{rest}'
