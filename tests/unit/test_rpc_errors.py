import pytest
from pydantic import ValidationError

from hive_rpc import faults
from hive_rpc.errors import ConflictError, HiveError, InvalidError, NotFoundError, family
from hive_rpc.interfaces.operator.lives import SpawnRequest


@pytest.mark.parametrize("cls", family().values())
def test_an_error_arrives_as_what_was_raised(cls: type[HiveError]) -> None:
    arrived = faults.from_wire(*faults.to_wire(cls("It went wrong.", hint="Try later.", retry_after=1.5, limit=10)))
    assert type(arrived) is cls
    assert (arrived.message, arrived.hint, arrived.retry_after, arrived.limit) == (
        "It went wrong.",
        "Try later.",
        1.5,
        10,
    )


@pytest.mark.parametrize("cls", family().values())
def test_an_error_without_a_message_says_what_its_class_says(cls: type[HiveError]) -> None:
    assert faults.from_wire(*faults.to_wire(cls())).message == cls.__doc__


def test_an_error_that_only_one_end_knows_arrives_as_its_nearest_kind() -> None:
    class LocalError(ConflictError):
        """Only here."""

    name, parameters = faults.to_wire(LocalError())
    assert name == "org.hive.Conflict"
    assert type(faults.from_wire(name, parameters)) is ConflictError


def test_the_plain_error_has_a_name_that_says_whose_fault_it_is() -> None:
    assert HiveError.varlink_name() == "org.hive.Internal"


def test_an_invalid_field_travels_as_varlinks_own_error() -> None:
    name, parameters = faults.to_wire(InvalidError("The body is empty.", field="body", hint="Say something."))
    assert (name, parameters["parameter"]) == ("org.varlink.service.InvalidParameter", "body")
    arrived = faults.from_wire(name, parameters)
    assert isinstance(arrived, InvalidError)
    assert (arrived.field, arrived.message, arrived.hint) == ("body", "The body is empty.", "Say something.")


def test_what_validation_finds_is_said_in_words_with_the_field() -> None:
    with pytest.raises(ValidationError) as caught:
        SpawnRequest.model_validate({"name": 3})
    error = faults.from_validation(caught.value)
    assert error.field == "name"
    assert error.message == "name: Input should be a valid string."


@pytest.mark.parametrize(
    ("name", "parameters", "cls", "text"),
    [
        ("org.varlink.service.InterfaceNotFound", {"interface": "a.b"}, NotFoundError, "interface a.b"),
        ("org.varlink.service.MethodNotFound", {"method": "a.b.C"}, NotFoundError, "method a.b.C"),
        ("org.varlink.service.MethodNotImplemented", {"method": "a.b.C"}, NotFoundError, "method a.b.C"),
        ("org.varlink.service.InvalidParameter", {"parameter": "x"}, InvalidError, "x"),
        ("org.varlink.service.ExpectedMore", {}, InvalidError, "more than once"),
        ("io.systemd.System", {"message": "No."}, HiveError, "io.systemd.System: No."),
        ("org.example.Odd", {}, HiveError, "org.example.Odd"),
    ],
)
def test_errors_of_other_families_are_understood_as_well_as_can_be(
    name: str, parameters: dict[str, object], cls: type[HiveError], text: str
) -> None:
    error = faults.from_wire(name, parameters)
    assert type(error) is cls
    assert text in error.message


def test_parameters_of_the_wrong_type_do_no_harm() -> None:
    error = faults.from_wire("org.hive.RateLimited", {"message": 3, "hint": [], "retry_after": "soon", "limit": 1.5})
    assert (error.message, error.hint, error.retry_after, error.limit) == ("Too many requests.", "", None, None)


def test_text_that_is_no_unicode_can_be_told() -> None:
    assert faults.to_wire(HiveError("no \udcff"))[1]["message"] == "no \\udcff"
