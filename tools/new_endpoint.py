"""`make endpoint`: write the files of a new endpoint that works and returns a sample result.

The endpoint belongs to an existing resource: a folder of functions/ whose handlers use a service.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLE = "GET /api/products/{productId}/availability"

_VERBS = {"GET": "get", "POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}
_WITH_BODY = ("POST", "PUT", "PATCH")
_ROUTE = re.compile(
    rf"({'|'.join(_VERBS)}) /api/[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*|/{{[a-z][A-Za-z]*Id}})*"
)


class Rejected(Exception):
    """The reason for which an endpoint cannot be added, for the user."""


@dataclass(frozen=True)
class Access:
    """Callers of an endpoint."""

    caller: str | None  # the handler's annotation
    rule: str | None  # of the service
    statuses: str  # for anonymous, stranger, self and admin, with {} for success
    description: str


ACCESS = {
    "anyone": Access(None, None, "({0}, {0}, {0}, {0})", "anyone"),
    "self-or-admin": Access(
        "SelfOrAdminCaller",
        "require(caller.may_act_for(user_id))",
        "(401, 403, {0}, {0})",
        "the user of the path and admins",
    ),
    "self": Access(
        "SelfCaller",
        "require(caller.id == user_id)",
        "(401, 403, {0}, 403)",
        "the user of the path",
    ),
    "admin": Access("AdminCaller", "require(caller.is_admin)", "(401, 403, 403, {0})", "admins"),
}


@dataclass(frozen=True)
class Feature:
    """The resource of an endpoint: its folder, its package and its service."""

    folder: str  # `products`, in functions/
    package: str  # `shop.products`
    dependency: str  # `Products`, the handler's annotation
    service: str  # `ProductService`
    arguments: Sequence[str]  # of the service

    def path(self, module: str) -> Path:
        return Path("layers/shop", *self.package.split("."), f"{module}.py")


@dataclass(frozen=True)
class Scaffold:
    """A new endpoint: its files with their new text, and its names."""

    files: Mapping[Path, str]  # relative to the repository
    name: str
    feature: Feature
    access: Access
    method: str

    @property
    def next_steps(self) -> str:
        service = self.feature.path("service")
        written = [self.feature.path(module) for module in ("requests", "responses")]
        modules = " and ".join(str(path) for path in written if path in self.files)
        fields = "" if self.method == "DELETE" else _FIELDS.format(modules=modules)
        return fields + _NEXT_STEPS.format(
            name=self.name,
            service=service,
            handler=f"functions/{self.feature.folder}/{self.name}.py",
            repository=self.feature.path("repository"),
        )


_FIELDS = "* Replace the sample fields in {modules}.\n"
_NEXT_STEPS = """\
* Write the rule of {name} in {service}, and list its errors in `raises` of {handler}.
* Replace the tests of the sample result in tests/unit/test_{name}.py.
* If the rule needs storage: add a method to {repository} with a test in
  tests/repositories, grant the actions in template.yaml, and list the calls in `waits` of
  tests/routes.py.
* Run make generate after each change of route, access, fields or template.yaml, then make check.
  Before a merge, run make test.
"""


def scaffold(route: str, access: str | None, name: str | None, root: Path = ROOT) -> Scaffold:
    """Return the endpoint's files; raise `Rejected` if the route does not fit."""
    if not _ROUTE.fullmatch(route):
        raise Rejected(
            f"{route!r} is no route: write METHOD /api/path with lower-case names and ids such as"
            f' {{productId}}, for example ROUTE="{EXAMPLE}".'
        )
    method, path = route.split(" ")
    _check_route(route, root)
    feature = _feature(path, root)
    ids = [_snake(it) for it in re.findall(r"{(\w+)}", path)]
    access = access or ("self-or-admin" if "user_id" in ids else "admin")
    if access.startswith("self") and "user_id" not in ids:
        raise Rejected(f"ACCESS={access} needs {{userId}} in the path.")
    noun = _noun(path)
    name = name or f"{_VERBS[method]}_{noun}"
    if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name):
        raise Rejected(f"NAME={name} must be <verb>_<noun> in snake_case.")
    if existing := [*root.glob(f"functions/*/{name}.py")]:
        raise Rejected(f"{existing[0].relative_to(root)} exists: choose another name by NAME=.")
    logical_id = _pascal(name)
    if re.search(rf"^  {logical_id}:$", (root / "template.yaml").read_text(), re.MULTILINE):
        raise Rejected(f"template.yaml has a resource {logical_id}: choose another name by NAME=.")
    files = _Files(root, route, feature, ACCESS[access], name, noun, ids)
    return Scaffold(dict(files.edited()), name, feature, ACCESS[access], method)


def _check_route(route: str, root: Path) -> None:
    """Reject a route that exists, or whose parameter has another name at the same place."""
    existing = {
        found: path.relative_to(root)
        for path in root.glob("functions/*/*.py")
        for found in re.findall(r'@endpoint\(\s*"([^"]+)"', path.read_text())
    }
    if route in existing:
        raise Rejected(f"{existing[route]} already serves {route}.")
    parts = route.partition(" ")[2].split("/")
    for other in existing:
        for mine, theirs in zip(parts, other.partition(" ")[2].split("/"), strict=False):
            if mine != theirs:
                if mine[:1] == theirs[:1] == "{":
                    raise Rejected(
                        f"API Gateway allows one name for a parameter of a path: write {theirs} in"
                        f" place of {mine}, as in {other}."
                    )
                break


def _feature(path: str, root: Path) -> Feature:
    """Return the feature of the last segment of the path that is a folder of functions/."""
    features = {
        folder.name: feature
        for folder in sorted((root / "functions").iterdir())
        if (feature := _feature_of_folder(folder, root))
    }
    for segment in reversed(path.split("/")):
        if segment in features:
            return features[segment]
    raise Rejected(
        f"No folder of functions/ for {path} has handlers with a service. The folders with one are"
        f' {", ".join(features)}. To begin another, see "Add a resource" in docs/extending.md.'
    )


def _feature_of_folder(folder: Path, root: Path) -> Feature | None:
    for handler in sorted(folder.glob("*.py")):
        for package, dependency in re.findall(
            r"^from (shop[\w.]*)\.dependencies import ([A-Z]\w+)$", handler.read_text(), re.M
        ):
            if feature := _service(root, folder.name, package, dependency):
                return feature
    return None


def _service(root: Path, folder: str, package: str, dependency: str) -> Feature | None:
    """Return the feature of a dependency that is a class of the package's service module."""
    home = root / "layers/shop" / package.replace(".", "/")
    declared = re.search(
        rf"^{dependency} = Annotated\[(\w+), Depends", (home / "dependencies.py").read_text(), re.M
    )
    service = home / "service.py"
    if declared is None or not service.exists():
        return None
    for node in ast.parse(service.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == declared[1]:
            arguments = [
                it.arg
                for method in node.body
                if isinstance(method, ast.FunctionDef) and method.name == "__init__"
                for it in [*method.args.args[1:], *method.args.kwonlyargs]
            ]
            return Feature(folder, package, dependency, declared[1], arguments)
    return None


def _noun(path: str) -> str:
    """Return `product_availability` for `/api/products/{productId}/availability`."""
    segments = path.split("/")[2:]
    *parents, last = segments
    if last.startswith("{"):
        return _singular(parents[-1])
    if len(parents) > 1 and parents[-1].startswith("{"):
        return f"{_singular(parents[-2])}_{_snake(last)}"
    return _snake(last)


def _singular(word: str) -> str:
    word = _snake(word)
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _snake(word: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", word).lower().replace("-", "_")


def _pascal(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


_HANDLER = '''\
"""{route}: {summary_lower}."""

{imports}


@endpoint("{route}"{status})
def handler({parameters}) -> {returned}:
    """{summary}."""
    {result}
'''
_RESPONSE = """

class {response}(ResponseModel):
{ids}    result: Annotated[str, JsonSchema(maxLength=500, examples=["{example}"])]
"""
_BODY = """

class {body}({base}):
    name: Annotated[Name, Field(examples=["Ada"])]{default}
"""
_METHOD = '''
    def {name}({parameters}) -> str:
        """Return a sample result of the new endpoint."""
{rule}        return {result}
'''
_FUNCTION = """\
  {logical_id}:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${{AWS::StackName}}-{logical_id}
      Description: {summary}.
      CodeUri: functions/{folder}
      Handler: {name}.handler
      VersionDescription: !Ref Release

"""
_ROW = '    "{route}": Expected(access={statuses}, waits=[]{body}),\n'
_TEST = '''\
"""The rule of {route}."""

{imports}

{constants}


def service() -> {service}:
    """Return the service without dependencies; pass a fake of each that the rule needs."""
    return {service}({arguments})


def test_{name}_returns_a_sample_result() -> None:
    """Replace this test with those of your rule."""
    result = service().{name}({passed})

    assert result == {sample}
'''
_TEST_OF_ACCESS = """

def test_{name}_is_forbidden_for_others() -> None:
    with pytest.raises(Forbidden):
        service().{name}({passed})
"""


@dataclass(frozen=True)
class _Files:
    """The texts of a new endpoint's files."""

    root: Path
    route: str
    feature: Feature
    access: Access
    name: str
    noun: str
    ids: Sequence[str]

    def edited(self) -> Iterator[tuple[Path, str]]:
        yield Path("functions", self.feature.folder, f"{self.name}.py"), self._handler()
        if self._new_id_types:
            yield self.feature.path("parameters"), self._parameters()
        if self._body:
            yield self.feature.path("requests"), self._requests(self._body)
        if self._method != "DELETE":
            yield self.feature.path("responses"), self._responses()
        yield self.feature.path("service"), self._service()
        yield Path("template.yaml"), self._template()
        yield Path("tests/routes.py"), self._routes()
        yield Path(f"tests/unit/test_{self.name}.py"), self._test()

    @property
    def _method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def _summary(self) -> str:
        return self.name.replace("_", " ").capitalize()

    @property
    def _status(self) -> int:
        return {"POST": 201, "DELETE": 204}.get(self._method, 200)

    @property
    def _response(self) -> str:
        return self._unused(f"{_pascal(self.noun)}Response", f"{_pascal(self.name)}Response")

    @property
    def _body(self) -> str | None:
        if self._method not in _WITH_BODY:
            return None
        ending = {"POST": "Create", "PUT": "Replace", "PATCH": "Update"}[self._method]
        return self._unused(f"{_pascal(self.noun)}{ending}", f"{_pascal(self.name)}Body")

    def _unused(self, name: str, otherwise: str) -> str:
        """Return the name unless a module of the layer has such a class."""
        named = re.compile(rf"^class {name}\b", re.M)
        files = (self.root / "layers/shop/shop").rglob("*.py")
        return otherwise if any(named.search(it.read_text()) for it in files) else name

    @property
    def _id_types(self) -> Mapping[str, str]:
        """The module of each id's type, such as `ProductId`: the one that a handler imports."""
        found: dict[str, str] = {}
        for path in (self.root / "functions").glob("*/*.py"):
            for module, names in re.findall(
                r"^from (shop[\w.]+) import (\([^)]+\)|.+)$", path.read_text(), re.M
            ):
                found |= dict.fromkeys(re.findall(r"\w+Id\b", names), module)
        return found

    @property
    def _new_id_types(self) -> list[str]:
        return [_pascal(it) for it in self.ids if _pascal(it) not in self._id_types]

    def _handler(self) -> str:
        service, parameters, arguments = _snake(self.feature.dependency), [], list(self.ids)
        package = self.feature.package
        imports = [("shop.entrypoints.http", "endpoint")]
        imports.append((f"{package}.dependencies", self.feature.dependency))
        for it in self.ids:
            type_ = _pascal(it)
            parameters.append(f"{it}: {type_}")
            imports.append((self._id_types.get(type_, f"{package}.parameters"), type_))
        if self._body:
            parameters.append(f"payload: {self._body}")
            arguments.append("payload")
            imports.append((f"{package}.requests", self._body))
        if self.access.caller:
            parameters.append(f"caller: {self.access.caller}")
            arguments.insert(0, "caller")
            imports.append(("shop.http.access", self.access.caller))
        parameters.append(f"{service}: {self.feature.dependency}")
        result = f"{service}.{self.name}({', '.join(arguments)})"
        if self._method != "DELETE":
            imports.append((f"{package}.responses", self._response))
            given = [f"{it}={it}" for it in self.ids] + [f"result={result}"]
            result = f"return {self._response}({', '.join(given)})"
        return _HANDLER.format(
            route=self.route,
            summary=self._summary,
            summary_lower=self._summary[0].lower() + self._summary[1:],
            imports=_imports(imports),
            status=f", status={self._status}" if self._method == "POST" else "",
            parameters=", ".join(parameters),
            returned="None" if self._method == "DELETE" else self._response,
            result=result,
        )

    def _text_of(self, module: str, content: str) -> str:
        """Return the text of a module of the feature; of a new one, its docstring."""
        path = self.root / self.feature.path(module)
        return path.read_text() if path.exists() else f'"""{content} of {self.feature.folder}."""\n'

    def _parameters(self) -> str:
        text = self._text_of("parameters", "Path parameters")
        text += "".join(f"{it} = Annotated[str, PathId()]\n" for it in self._new_id_types)
        imports = [("typing", "Annotated"), ("shop.http.parameters", "PathId")]
        return _with_imports(text, imports)

    def _requests(self, body: str) -> str:
        text = self._text_of("requests", "Request bodies")
        base = "Patch" if self._method == "PATCH" else "Body"
        imports = [("typing", "Annotated"), ("pydantic", "Field")]
        imports += [("shop.http.request_models", base), ("shop.text", "Name")]
        imports += [("shop.http.request_models", "UNSET")] if base == "Patch" else []
        default = " = UNSET" if base == "Patch" else ""
        return _with_imports(text + _BODY.format(body=body, base=base, default=default), imports)

    def _responses(self) -> str:
        text = self._text_of("responses", "Responses")
        imports = [("typing", "Annotated"), ("shop.http.response_models", "ResponseModel")]
        imports += [("shop.json_schema", "JsonSchema")]
        imports += [("shop.http.response_fields", "Id")] if self.ids else []
        text += _RESPONSE.format(
            response=self._response,
            ids="".join(f"    {it}: Id\n" for it in self.ids),
            example=self.noun.replace("_", " "),
        )
        return _with_imports(text, imports)

    def _service(self) -> str:
        text = (self.root / self.feature.path("service")).read_text()
        parameters = ["self", *(f"{it}: str" for it in self.ids)]
        imports = []
        values = [f"{{{it}}}" for it in self.ids]
        words = self.noun.replace("_", " ")
        if self._body:
            parameters.append(f'payload: "{self._body}"')
            text = _with_type_import(text, f"{self.feature.package}.requests", self._body)
            values.insert(0, "{payload.name}")
        rule = ""
        if self.access.rule:
            parameters.insert(1, "caller: Caller")
            imports += [("shop.caller", "Caller"), ("shop.caller", "require")]
            rule = f"        {self.access.rule}\n"
        method = _METHOD.format(
            name=self.name,
            parameters=", ".join(parameters),
            rule=rule,
            result=f'f"{words}: {", ".join(values)}"' if values else f'"{words}"',
        )
        (service,) = (
            it
            for it in ast.parse(text).body
            if isinstance(it, ast.ClassDef) and it.name == self.feature.service
        )
        return _with_imports(_inserted(text, service.end_lineno or 0, method), imports)

    def _template(self) -> str:
        """Add the function after the last one of its folder."""
        text = (self.root / "template.yaml").read_text()
        function = _FUNCTION.format(
            logical_id=_pascal(self.name),
            summary=self._summary,
            folder=self.feature.folder,
            name=self.name,
        )
        last = text.rindex(f"CodeUri: functions/{self.feature.folder}\n")
        end = re.compile(r"^  (?=\S)", re.M).search(text, last)
        if end is None:
            return f"{text.rstrip()}\n\n{function.rstrip()}\n"
        return text[: end.start()] + function + text[end.start() :]

    def _routes(self) -> str:
        """Add the row after the last one with the same beginning of the path."""
        text = (self.root / "tests/routes.py").read_text()
        (table,) = (
            it.value
            for it in ast.parse(text).body
            if isinstance(it, ast.AnnAssign) and ast.unparse(it.target) == "ROUTES"
        )
        assert isinstance(table, ast.Dict)
        start = "/".join(self.route.partition(" ")[2].split("/")[:3])
        rows = [
            value.end_lineno or 0
            for key, value in zip(table.keys, table.values, strict=True)
            if isinstance(key, ast.Constant) and start in str(key.value)
        ]
        row = _ROW.format(
            route=self.route,
            statuses=self.access.statuses.format(self._status),
            body=', body=lambda _: {"name": "Ada"}, loads=VALIDATED' if self._body else "",
        )
        return _inserted(text, max(rows, default=table.values[-1].end_lineno or 0), row)

    def _test(self) -> str:
        example = {it: f"{_snake(it).upper()}" for it in self.ids}
        constants = [f'{name} = "{_example_id(it)}"' for it, name in example.items()]
        imports = [(f"{self.feature.package}.service", self.feature.service)]
        imports.append(("unittest.mock", "Mock"))
        passed = list(example.values())
        values = [f"{{{it}}}" for it in passed]
        words = self.noun.replace("_", " ")
        if self._body:
            imports.append((f"{self.feature.package}.requests", self._body))
            constants.append(f'PAYLOAD = {self._body}.model_validate({{"name": "Ada"}})')
            passed.append("PAYLOAD")
            values.insert(0, "Ada")
        prefix = "f" if self.ids else ""
        sample = f'{prefix}"{": ".join([words, ", ".join(values)] if values else [words])}"'
        others = ""
        if self.access.rule:
            is_owner = self.access != ACCESS["admin"]
            allowed = "ALICE" if is_owner else "ADMIN"
            if is_owner:
                constants[self.ids.index("user_id")] = "USER_ID = ALICE.id"
            imports += [("shop.errors", "Forbidden"), ("tests.support.fixtures", allowed)]
            imports.append(("tests.support.fixtures", "BOB"))
            others = _TEST_OF_ACCESS.format(name=self.name, passed=", ".join(["BOB", *passed]))
            passed.insert(0, allowed)
        return (
            _TEST.format(
                route=self.route,
                imports=("import pytest\n" if others else "") + _imports(imports),
                constants="\n".join(constants),
                service=self.feature.service,
                arguments=", ".join(f"{it}=Mock()" for it in self.feature.arguments),
                name=self.name,
                passed=", ".join(passed),
                sample=sample,
            )
            + others
        )


def _example_id(id_: str) -> str:
    return f"0190a6b2-7c9e-7b1a-8f00-{len(id_):012d}"


def _imports(names: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"from {module} import {name}" for module, name in names)


def _inserted(text: str, line: int, addition: str) -> str:
    """Insert text after a line, counted from 1."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], addition, *lines[line:]])


def _with_imports(text: str, names: Sequence[tuple[str, str]]) -> str:
    """Add imports after the docstring or the last import; ruff merges and sorts them."""
    docstring, *others = ast.parse(text).body
    imports = [it for it in others if isinstance(it, ast.Import | ast.ImportFrom)]
    last = max(node.end_lineno or 0 for node in [docstring, *imports])
    return _inserted(text, last, _imports(names) + "\n") if names else text


def _with_type_import(text: str, module: str, name: str) -> str:
    """Add an import for annotations, to the block of these or in a new one."""
    addition = f"    from {module} import {name}\n"
    if (block := "if TYPE_CHECKING:\n") in text:
        return text.replace(block, block + addition, 1)
    *_, last = (
        node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)
    )
    text = _inserted(text, last.end_lineno or 0, f"\n{block}{addition}")
    return _with_imports(text, [("typing", "TYPE_CHECKING")])


def write(made: Scaffold, root: Path = ROOT) -> None:
    """Write the files, formatted."""
    for path, text in made.files.items():
        (root / path).write_text(text)
    python = [str(path) for path in made.files if path.suffix == ".py"]
    for command in (["check", "--quiet", "--fix", "--select", "I"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *python], cwd=root, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make endpoint", description=__doc__)
    parser.add_argument("--route", required=True)
    parser.add_argument("--access", choices=ACCESS)
    parser.add_argument("--name")
    options = parser.parse_args()
    try:
        made = scaffold(options.route, options.access, options.name)
    except Rejected as rejected:
        raise SystemExit(str(rejected)) from None
    write(made)
    for path in made.files:
        print(f"{path}: written")
    if subprocess.run(["make", "generate", "check"], cwd=ROOT).returncode:
        raise SystemExit("make check fails: see above. The files of the endpoint are written.")
    print(f"\n{options.route} returns a sample result to {made.access.description}. Next steps:\n")
    print(made.next_steps, end="")


if __name__ == "__main__":
    main()
