"""The generated `.varlink` text: read back by somebody else's parser, and word for word for a small interface."""

import types
import typing
from collections.abc import AsyncIterator
from enum import StrEnum

import pytest
from varlink import scanner

from hive_rpc import docs, idl
from hive_rpc.errors import family
from hive_rpc.interface import Interface, methods, rpc
from hive_rpc.types import Empty, Model
from tests.support.rpc import Echo

INTERFACES = docs.discover()


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda interface: interface.varlink_name)
def test_another_parser_finds_every_method_in_the_description(interface: type[Interface]) -> None:
    parsed = scanner.Interface(idl.describe(interface))
    assert parsed.name == interface.varlink_name
    for method in methods(interface).values():
        found = parsed.get_method(method.wire_name)
        assert set(found.in_type.fields) == set(method.request.model_fields)
        assert set(found.out_type.fields) == set(method.reply.model_fields)
        assert method.doc.partition("\n")[0] in found.doc


def test_another_parser_finds_every_error() -> None:
    parsed = scanner.Interface(idl.describe_errors())
    assert {f"{parsed.name}.{name}" for name in parsed.members} == set(family())
    for error in parsed.members.values():
        assert list(error.type.fields) == ["message", "hint", "retry_after", "limit"]


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda interface: interface.varlink_name)
def test_what_may_be_null_may_be_left_out(interface: type[Interface]) -> None:
    """Varlink does not tell the two apart, and on our wire what is None is left out."""
    for method in methods(interface).values():
        for model in models_of(method.request, method.reply):
            for name, field in model.model_fields.items():
                if types.NoneType in typing.get_args(field.annotation):
                    assert not field.is_required(), f"{model.__name__}.{name} needs a default, as `= None`"


def models_of(*models: type[Model]) -> set[type[Model]]:
    nested = {cls for cls in idl.nested(models) if issubclass(cls, Model)}
    return nested | set(models)


def test_an_interface_is_described_with_what_its_author_wrote() -> None:
    assert idl.describe(Echo).splitlines() == EXPECTED.splitlines()


EXPECTED = """\
# Says what it is told.
interface org.hive.test.Echo

# What it looks like.
type Colour (
  red,
  # Nearly black.
  dark_blue
)

# What comes after the last number.
type Then (
  end,
  fail,
  wait
)

# Say the same.
method Say(
  # What is said.
  text: string,
  name: ?string,
  colour: ?Colour,
  extra: ?object
) -> (
  # What is said.
  text: string,
  name: ?string,
  colour: Colour,
  extra: object
)

# Raise something.
method Fail(
  # What is said.
  text: string,
  name: ?string,
  colour: ?Colour,
  extra: ?object
) -> ()

# Do something that must not be half done.
method Work(
  # What is said.
  text: string,
  name: ?string,
  colour: ?Colour,
  extra: ?object
) -> (
  # What is said.
  text: string,
  name: ?string,
  colour: Colour,
  extra: object
)

# Wait until there is something to say.
method Wait(
  # What is said.
  text: string,
  name: ?string,
  colour: ?Colour,
  extra: ?object
) -> (
  # What is said.
  text: string,
  name: ?string,
  colour: Colour,
  extra: object
)

# Count, and then do as asked.
#
# The second paragraph.
# Replies more than once, to a call with `more`.
method Count(
  upto: int,
  # Bytes of padding in each item.
  size: ?int,
  then: ?Then
) -> (
  number: int,
  padding: string
)

# Nobody implements this.
method NotThere() -> ()
"""


class Inner(Model):
    numbers: list[int | None]
    by_name: dict[str, list[float]]
    """A comment."""


class Outer(Inner):
    inner: Inner
    inners: list[Inner] = []


class Deep(Interface, name="org.hive.test.Deep"):
    @rpc()
    def look(self, request: Outer) -> AsyncIterator[Outer]:
        raise NotImplementedError


def test_lists_maps_nested_and_inherited_fields_have_their_types() -> None:
    assert idl.describe(Deep).splitlines()[2:] == [
        "type Inner (",
        "  numbers: []?int,",
        "  # A comment.",
        "  by_name: [string][]float",
        ")",
        "",
        "# Replies more than once, to a call with `more`.",
        "method Look(",
        "  numbers: []?int,",
        "  # A comment.",
        "  by_name: [string][]float,",
        "  inner: Inner,",
        "  inners: ?[]Inner",
        ") -> (",
        "  numbers: []?int,",
        "  # A comment.",
        "  by_name: [string][]float,",
        "  inner: Inner,",
        "  inners: []Inner",
        ")",
    ]


class Union(Model):
    either: int | str


class BadField(Model):
    two__underscores: int


class Dashed(StrEnum):
    A_B = "a-b"


class BadMember(Model):
    dashed: Dashed


class BytesField(Model):
    raw: bytes


@pytest.mark.parametrize("model", [Union, BadField, BadMember, BytesField])
def test_what_varlink_cannot_say_is_refused(model: type[Model]) -> None:
    class Odd(Interface, name="org.hive.test.Odd"):
        @rpc()
        async def do(self, request: model) -> Empty:  # type: ignore[valid-type]
            raise NotImplementedError

        do.__annotations__ = {"request": model, "return": Empty}

    with pytest.raises(idl.UndescribableError):
        idl.describe(Odd)


def test_a_method_and_a_type_may_not_share_a_name() -> None:
    class Clash(Interface, name="org.hive.test.Clash"):
        @rpc()
        async def inner(self, request: Outer) -> Empty:
            raise NotImplementedError

    with pytest.raises(idl.UndescribableError, match="Inner"):
        idl.describe(Clash)
