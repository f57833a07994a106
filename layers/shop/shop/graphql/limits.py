"""Limits of documents, checked before anything is executed.

The cost is an estimate of the objects that are read and sent: 1 for an object, 10 for a list
that is read from the database, and the cost of a node, at least 1, times `first`. An alias of a
value costs 1, so that no response exceeds the 6 MB of Lambda.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple  # variables have values of many types

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from shop.graphql.errors import InvalidDocument

MAX_TOKENS = 1000
# Fields and fragments as written. The rule of overlapping fields takes their square: 300 equal
# fields take 72 ms, and 990 take 318 ms.
MAX_SELECTIONS = 300
MAX_NESTING = 30  # as written: the introspection of GraphQL.js has 14 levels
MAX_DEPTH = 12
MAX_COST = 2000
MAX_ALIASES = 50
MAX_FIRST = 100

_LIST_COST = 10
_LINES = 10  # of an order, on average
# Four introspections cost as much as any request may.
_INTROSPECTION_COST = 500
_INTROSPECTION = {"__schema": "__Schema", "__type": "__Type"}


def check_size(document: DocumentNode) -> None:
    """Raise `InvalidDocument` for a document that would take long to validate."""
    levels = [it.selection_set for it in document.definitions if hasattr(it, "selection_set")]
    count = 0
    for _ in range(MAX_NESTING):
        selections = [inner for outer in levels for inner in outer.selections]
        count += len(selections)
        if count > MAX_SELECTIONS:
            raise InvalidDocument(f"The document has more than {MAX_SELECTIONS} fields.")
        levels = [inner for it in selections if (inner := _selection_set(it)) is not None]
    if levels:
        raise InvalidDocument(f"The document is nested deeper than {MAX_NESTING} levels.")


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> int:
    """Return the cost of a valid operation; raise `InvalidDocument` beyond a limit."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        raise InvalidDocument("Subscriptions are not supported.")
    measure = _Meter(schema, document, variables).measure(operation.selection_set, root)
    if measure.depth > MAX_DEPTH:
        raise InvalidDocument(f"The operation is deeper than {MAX_DEPTH} levels.")
    if measure.aliases > MAX_ALIASES:
        raise InvalidDocument(f"The operation has more than {MAX_ALIASES} aliases.")
    if measure.cost > MAX_COST:
        raise InvalidDocument(
            f"The operation costs {min(measure.cost, 10**9)}, more than {MAX_COST}."
            " Ask for fewer items or fields."
        )
    if operation.operation is OperationType.MUTATION and measure.fields != 1:
        raise InvalidDocument("An operation has one mutation.")
    return measure.cost


class _Measure(NamedTuple):
    cost: int
    depth: int
    aliases: int
    fields: int  # of this level, except `__typename`

    @classmethod
    def total(cls, parts: Sequence["_Measure"]) -> "_Measure":
        cost, depth, aliases, fields = zip(*parts, strict=True)
        return cls(sum(cost), max(depth), sum(aliases), sum(fields))


class _Meter:
    """Measures selections, and each fragment once."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            it.name.value: it
            for it in document.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        self._measures: dict[str, _Measure] = {}

    def measure(self, selections: SelectionSetNode, parent: GraphQLNamedType) -> _Measure:
        return _Measure.total([self._of_selection(it, parent) for it in selections.selections])

    def _of_selection(self, selection: SelectionNode, parent: GraphQLNamedType) -> _Measure:
        match selection:
            case FieldNode():
                return self._of_field(selection, parent)
            case InlineFragmentNode():
                condition = selection.type_condition
                type_ = parent if condition is None else self._type(condition.name.value)
                return self.measure(selection.selection_set, type_)
            case FragmentSpreadNode():
                name = selection.name.value
                if name not in self._measures:
                    fragment = self._fragments[name]
                    type_ = self._type(fragment.type_condition.name.value)
                    self._measures[name] = self.measure(fragment.selection_set, type_)
                return self._measures[name]
        raise TypeError(type(selection).__name__)

    def _of_field(self, field: FieldNode, parent: GraphQLNamedType) -> _Measure:
        aliases, name = int(field.alias is not None), field.name.value
        if field.selection_set is None:
            return _Measure(aliases, 1, aliases, int(name != "__typename"))
        if name in _INTROSPECTION:
            inner = self.measure(field.selection_set, self._type(_INTROSPECTION[name]))
            # Its depth has a rule of its own; aliases would multiply its lists.
            return _Measure(_INTROSPECTION_COST * (1 + inner.aliases), 1, aliases, 1)
        assert isinstance(parent, GraphQLObjectType)  # no others have fields here
        type_ = get_named_type(parent.fields[name].type)
        inner = self.measure(field.selection_set, type_)
        cost = self._cost(field, type_, inner.cost)
        return _Measure(cost, 1 + inner.depth, aliases + inner.aliases, 1)

    def _cost(self, field: FieldNode, type_: GraphQLNamedType, inner: int) -> int:
        if type_.name.endswith("Connection"):
            return _LIST_COST + self._first(field) * max(1, inner)
        if type_.name.endswith("Edge"):
            return inner
        if type_.name == "OrderLine":
            return _LINES * (1 + inner)
        return 0 if type_.name == "PageInfo" else 1 + inner

    def _first(self, field: FieldNode) -> int:
        """Return the size of a page; an invalid one is an error of its field later."""
        first: Any = 20
        for argument in field.arguments:
            if argument.name.value == "first":
                if isinstance(argument.value, IntValueNode):
                    first = int(argument.value.value)
                elif isinstance(argument.value, VariableNode):
                    first = self._variables.get(argument.value.name.value, first)
        return min(max(int(first), 1), MAX_FIRST)

    def _type(self, name: str) -> GraphQLNamedType:
        return self._schema.type_map[name]


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[str]:
    """Yield the names of the fields that a valid operation selects at its root."""
    fragments = {
        it.name.value: it for it in document.definitions if isinstance(it, FragmentDefinitionNode)
    }
    pending: list[SelectionSetNode] = [operation.selection_set]
    spread: set[str] = set()
    while pending:
        for selection in pending.pop().selections:
            match selection:
                case FieldNode():
                    yield selection.name.value
                case InlineFragmentNode():
                    pending.append(selection.selection_set)
                case FragmentSpreadNode() if selection.name.value not in spread:
                    spread.add(selection.name.value)
                    pending.append(fragments[selection.name.value].selection_set)


def _selection_set(selection: SelectionNode) -> SelectionSetNode | None:
    return getattr(selection, "selection_set", None)
