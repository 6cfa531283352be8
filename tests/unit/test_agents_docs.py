"""The reference of `agent.toml` is what the code reads."""

from pathlib import Path

import pytest

from hive_core.agents.config import AgentConfig, parse
from hive_core.agents.docs import render
from hive_core.configs.configs import worker_template
from hive_rpc.errors import InvalidError

ROOT = Path(__file__).parents[2]


def test_the_reference_is_not_stale() -> None:
    assert (ROOT / "docs" / "agent-toml.md").read_text() == render(), "run `make docs`"


@pytest.mark.parametrize("key", AgentConfig.model_fields)
def test_every_key_is_explained(key: str) -> None:
    assert AgentConfig.model_fields[key].description


def test_the_template_of_a_worker_is_one() -> None:
    assert parse(worker_template()).prompt.startswith("You are a worker")


@pytest.mark.parametrize(
    "text",
    [
        'environment.A = "sk-ant-oat01-abcdefghijkl"',
        'environment.A = "AKIAIOSFODNN7EXAMPLE"',
        'prompt = "-----BEGIN OPENSSH PRIVATE KEY-----"',
        'environment.URL = "https://ada:hunter2@example.org/"',
    ],
)
def test_a_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse(text)
    assert "looks like" in refused.value.message
    assert text.split('"')[1] not in refused.value.sentence()


@pytest.mark.parametrize("value", ["https://example.org/a:b@c", "sk-1", "hello", "0123456789abcdef0123456789abcdef"])
def test_what_is_no_secret_is_none(value: str) -> None:
    assert parse(f'environment.A = "{value}"').environment == {"A": value}


@pytest.mark.parametrize("path", ["/", "/var/lib/hive", "/run/x", "/etc/shadow", "/a/../etc", "relative", "/nix/store"])
def test_the_hive_s_and_the_system_s_own_places_cannot_be_mounted(path: str) -> None:
    with pytest.raises(InvalidError):
        parse(f'[[mounts]]\nsource = "{path}"\ntarget = "/data"\n')
    parse('[[mounts]]\nsource = "/srv/data"\ntarget = "/data"\n')


def test_a_server_of_tools_cannot_pretend_to_be_the_hive() -> None:
    with pytest.raises(InvalidError, match="the hive's own"):
        parse('[[mcp_servers]]\nname = "hive"\ncommand = "evil"\n')
    with pytest.raises(InvalidError, match="same name"):
        parse('[[mcp_servers]]\nname = "a"\ncommand = "x"\n' * 2)
    (server,) = parse('[[mcp_servers]]\nname = "a"\ncommand = "x"\narguments = ["-y"]\n').settings().mcp_servers
    assert (server.name, server.command, server.arguments) == ("a", "x", ["-y"])
