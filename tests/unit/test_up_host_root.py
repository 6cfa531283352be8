"""What the hive host is made of."""

import configparser
from pathlib import Path

import pytest

from hive_base import users
from hive_cli.up.host import HostConfig, container_unit, nspawn_arguments, skeleton
from hive_cli.up.protocol import LaunchRequest
from hive_cli.up.state import HostRecord, State
from hive_core import config as core_config
from hive_gateway import config as gateway_config
from hive_gateway.accounts.store import KEY_CREDENTIAL
from hive_web import config as web_config

DAEMONS = ("hive-core", "hive-web", "hive-gateway")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    skeleton(HostConfig(port=4499, model_base_url="https://models.example/\"'\\")).build(tmp_path / "host")
    return tmp_path / "host"


def test_the_daemons_read_the_configuration_that_is_written(root: Path) -> None:
    assert core_config.load(root / "etc/hive/core.toml").dashboard == "http://127.0.0.1:4499"
    web = web_config.load(root / "etc/hive/web.toml")
    assert (web.host, web.port) == ("127.0.0.1", 4499)
    assert {"127.0.0.1", "localhost"} <= set(web.allowed_hosts)


def test_another_model_api_is_passed_on(tmp_path: Path) -> None:
    skeleton(HostConfig(port=1, model_base_url="https://models.example/v2")).build(tmp_path)
    assert gateway_config.load(tmp_path / "etc/hive/gateway.toml").upstream.base_url == "https://models.example/v2"
    skeleton(HostConfig(port=1)).build(tmp_path)
    assert gateway_config.load(tmp_path / "etc/hive/gateway.toml") == gateway_config.GatewayConfig()


def test_every_daemon_has_a_unit_that_the_target_wants(root: Path) -> None:
    target = (root / "etc/systemd/system/hive.target").read_text()
    for name in DAEMONS:
        assert f"{name}.service" in target
        assert (root / f"etc/systemd/system/{name}.service").is_file()
    assert (root / "etc/systemd/system/container@.service").read_text() == container_unit()


def test_the_daemons_users_are_known_on_the_host(root: Path) -> None:
    passwd = (root / "etc/passwd").read_text()
    for user in (users.WEB, users.GATEWAY, users.BUILD, users.MODEL):
        assert f"\n{user.name}:*:{user.uid}:{user.uid}:" in passwd
    assert f"\n{users.OPERATORS_GROUP.name}:" in (root / "etc/group").read_text()


def unit(name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string((Path("hive_cli/up/units") / f"{name}.service").read_text())
    return dict(parser["Service"])


@pytest.mark.parametrize("name", DAEMONS)
def test_no_unit_passes_anything_on_from_an_environment(name: str) -> None:
    assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & unit(name).keys()


def test_only_the_gateway_gets_the_key() -> None:
    assert [name for name in DAEMONS if "LoadCredential" in unit(name)] == ["hive-gateway"]
    assert unit("hive-gateway")["LoadCredential"] == KEY_CREDENTIAL


@pytest.mark.parametrize("name", ["hive-web", "hive-gateway"])
def test_the_unprivileged_have_their_own_user_and_no_capability(name: str) -> None:
    service = unit(name)
    assert service["User"] == service["Group"] == name
    assert service["CapabilityBoundingSet"] == ""


def test_a_path_with_colons_spaces_and_backslashes_reaches_nspawn_whole() -> None:
    arguments = nspawn_arguments(State(Path("/srv/a b:c\\d")), api_key_fd=None)
    assert r"--bind=/srv/a b\:c\\d/run:/run/hive" in arguments
    assert r"--directory=/srv/a b:c\d/host" in arguments, "which nspawn does not split"


def test_the_key_goes_by_descriptor_and_only_if_there_is_one() -> None:
    state = State(Path("/srv/hive"))
    assert not any("credential" in argument for argument in nspawn_arguments(state, api_key_fd=None))
    assert "--load-credential=anthropic-api-key:/proc/self/fd/7" in nspawn_arguments(state, api_key_fd=7)


def test_the_key_is_in_the_request_and_not_in_its_representation() -> None:
    request = LaunchRequest.model_validate({"state": "/srv/hive", "port": 1, "api_key": "sk-secret"})
    assert "sk-secret" not in repr(request)
    assert LaunchRequest.model_validate_json(request.model_dump_json()) == request


def test_two_state_directories_never_share_a_machine_name() -> None:
    assert State(Path("/srv/a/.hive")).machine != State(Path("/srv/b/.hive")).machine


def test_a_record_that_was_cut_off_counts_as_none(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.read_record() is None
    record = HostRecord(machine="hive-1", launcher=7, port=80, cgroups=(Path("/sys/fs/cgroup/hive-1"),), leader=9)
    state.write_record(record)
    assert state.read_record() == record
    state.record.write_bytes(state.record.read_bytes()[:20])
    assert state.read_record() is None
