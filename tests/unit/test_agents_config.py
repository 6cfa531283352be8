"""`agent.toml`: every key is optional, an unknown one is named, and the harness gets its part."""

import pytest

from hive_core.agents.config import DEFAULT_CONFIG, MAX_CONFIG, AgentConfig, Capability, parse
from hive_core.agents.secrets import secrets_in
from hive_rpc.errors import InvalidError, TooLargeError

EVERYTHING = """
model = "opus"
prompt = "You review."
capabilities = ["manager"]
keep_warm_seconds = 5
drain_seconds = 1.5
turn_limit_seconds = 60
silence_limit_seconds = 30

[environment]
LANG = "de_DE.UTF-8"

[limits]
memory_mib = 1024
cpu_percent = 100
tasks = 200
"""


def test_an_empty_configuration_is_the_default_one() -> None:
    assert parse("") == parse(DEFAULT_CONFIG) == AgentConfig()


def test_every_key_is_read() -> None:
    config = parse(EVERYTHING)
    assert config.capabilities == {Capability.MANAGER}
    assert (config.limits.memory_mib, config.limits.cpu_percent, config.limits.tasks) == (1024, 100, 200)
    assert config.drain_seconds == 1.5
    settings = config.settings()
    assert (settings.model, settings.system_prompt, settings.environment) == (
        "opus",
        "You review.",
        {"LANG": "de_DE.UTF-8"},
    )
    assert (settings.keep_warm_seconds, settings.turn_limit_seconds, settings.silence_limit_seconds) == (5, 60, 30)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("modle = 1", "modle is not a key"),
        ("[limits]\nmemory = 5", "limits.memory is not a key"),
        ("[limits]\nmemory_mib = 1", "limits.memory_mib"),
        ('capabilities = ["god"]', "capabilities"),
        ("[environment]\n'a b' = 'x'", "environment"),
        ('[environment]\nA = "\\u0000"', "environment.A"),
        ("drain_seconds = -1", "drain_seconds"),
        ("drain_seconds = nan", "drain_seconds"),
        ("model = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidError, match=named):
        parse(text)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidError, match=r"(?s)one.*two"):
        parse("one = 1\ntwo = 2")


def test_a_configuration_has_a_largest_size() -> None:
    parse(f'prompt = "{"x" * (MAX_CONFIG - 20)}"')
    with pytest.raises(TooLargeError):
        parse(f'prompt = "{"x" * MAX_CONFIG}"')


@pytest.mark.parametrize("piece", ["x", "-eyJ", "eyJaaaaaaaaaaa.", "a://", "://a:", "-----BEGIN ", "PRIVATE ", "-sk-a"])
def test_a_long_text_is_searched_for_secrets_once_and_not_from_each_of_its_characters(piece: str) -> None:
    # With a pattern that begins again at each character this would take an hour.
    assert list(secrets_in(f"{piece * (1_000_000 // len(piece))} ghp_{'a' * 36}", "prompt"))


@pytest.mark.parametrize(
    "text",
    [
        ".".join("a" * 32_000) + " = 1",
        f"[{'.'.join('a' * 32_000)}]",
        " . ".join(['"a"'] * 10_000) + " = 1",
        "prompt = { " + ".".join(["'a'"] * 10_000) + " = 1 }",
    ],
)
def test_a_key_without_end_is_refused_before_it_costs_anything(text: str) -> None:
    with pytest.raises(InvalidError, match="a key of more than 100 parts"):
        parse(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 60_000, "a = " + "1" * 60_000, "a = " + "{a = " * 10_000])
def test_what_python_s_own_parser_breaks_on_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^agent\.toml is "):
        parse(text)


def test_a_prompt_may_have_as_many_dots_as_it_likes() -> None:
    prompt = "Wait … " + "." * 500 + " 1.2.3.4.5.6. e.g. this, i.e. that. " * 500
    assert parse(f"prompt = '''{prompt}'''").prompt == prompt
