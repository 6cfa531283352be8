"""The NixOS modules, evaluated with nixpkgs' `lib` and stubs for the modules that they build on."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hive_base import users
from hive_core.config import CoreConfig
from hive_web.config import WebConfig

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIB = os.environ.get("HIVE_NIXPKGS_LIB")

pytestmark = pytest.mark.skipif(LIB is None, reason="HIVE_NIXPKGS_LIB does not say where nixpkgs' lib is")

ADA = {"users": {"users": {"ada": {"isNormalUser": True}}}}


def run(module: str, configuration: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    words = ["nix-instantiate", "--eval", "--strict", "--json", HERE / "evaluate.nix", "--arg", "lib", str(LIB)]
    words += ["--arg", "module", ROOT / "modules" / module, "--argstr", "configuration", json.dumps(configuration)]
    return subprocess.run(words, capture_output=True, text=True)


def host(more: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """What services.hive sets."""
    hive = {"enable": True, **settings}
    done = run(
        "hive.nix",
        {**{"networking": {"hostName": "home"}}, **(more or {}), "services": {"hive": hive, **_services(more)}},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _services(more: dict[str, Any] | None) -> dict[str, Any]:
    return dict((more or {}).get("services", {}))


def agent(**settings: Any) -> dict[str, Any]:
    """What services.hive-agent sets."""
    done = run("agent.nix", {"services": {"hive-agent": {"enable": True, "name": "worker", **settings}}})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_users_have_their_reserved_numbers() -> None:
    found = host()["users"]
    for user in (users.WEB, users.GATEWAY, users.BUILD, users.MODEL):
        assert found["users"][user.name]["uid"] == user.uid
        assert found["groups"][user.name]["gid"] == user.uid
    assert found["groups"][users.OPERATORS_GROUP.name]["gid"] == users.OPERATORS_GROUP.uid


@pytest.mark.parametrize("name", ["hive-core.service", "hive-web.service", "hive-gateway.service"])
def test_the_units_are_those_of_hive_up(name: str) -> None:
    unit = host()["systemd"]["units"][name]
    text = (ROOT / "hive_cli" / "up" / "units" / name).read_text()
    assert unit["text"].startswith(text)
    assert "X-Restart-Triggers=/nix/store/hive-environment" in unit["text"]
    assert unit["wantedBy"] == ["multi-user.target"]


def test_the_daemons_understand_their_configuration() -> None:
    etc = host(name="home hive", retention={"messages": 60})["environment"]["etc"]
    core = CoreConfig.model_validate(etc["hive/core.toml"]["source"])
    assert (core.name, core.dashboard, core.retention.messages) == ("home hive", "http://127.0.0.1:4483", 60)
    assert not WebConfig.model_validate(etc["hive/web.toml"]["source"]).secure


def test_the_state_cannot_hold_what_runs_as_somebody_else() -> None:
    found = host()
    assert found["fileSystems"]["/var/lib/hive"]["options"] == ["bind", "nosuid", "nodev"]
    assert "d /var/lib/hive 0700 root root -" in found["systemd"]["tmpfiles"]["rules"]


def test_one_domain_is_served_over_tls_through_nginx() -> None:
    found = host({"services": {"nginx": {"enable": True}}}, dashboard={"hostName": "hive.example.org"})
    site = found["virtualHosts"]["hive.example.org"]
    assert site["forceSSL"]
    assert site["locations"]["/"]["proxyPass"] == "http://127.0.0.1:4483"
    web = WebConfig.model_validate(found["environment"]["etc"]["hive/web.toml"]["source"])
    assert web.secure
    assert "hive.example.org" in web.allowed_hosts
    assert found["failed"] == []


def test_the_key_is_the_gateway_s_alone() -> None:
    units = host(apiKeyFile="/run/secrets/key")["systemd"]["units"]
    assert "LoadCredential=anthropic-api-key:/run/secrets/key" in units["hive-gateway.service"]["text"]
    assert "/run/secrets/key" not in units["hive-core.service"]["text"] + units["hive-web.service"]["text"]


def test_operators_are_in_their_group() -> None:
    found = host(ADA, operators=["ada"])
    assert found["users"]["users"]["ada"]["extraGroups"] == ["hive-operators"]
    assert found["failed"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"apiKeyFile": "/nix/store/abc-key"}, "everybody can read"),
        ({"dashboard": {"hostName": "hive.example.org"}}, "services.nginx.enable"),
    ],
)
def test_a_wrong_configuration_is_refused_with_what_to_do(settings: dict[str, Any], message: str) -> None:
    (failed,) = host(**settings)["failed"]
    assert message in failed


@pytest.mark.parametrize("settings", [{"apiKeyFile": "relative"}, {"dashboard": {"port": 70000}}, {"nonsense": 1}])
def test_a_wrong_type_does_not_evaluate(settings: dict[str, Any]) -> None:
    hive = {"enable": True, "name": "n", **settings}
    assert run("hive.nix", {"services": {"hive": hive}}).returncode != 0


def test_an_agent_s_container_is_the_harness_and_its_packages() -> None:
    found = agent(settings={"model": "opus", "packages": ["ripgrep", "python3Packages.black"]})
    unit = found["systemd"]["units"]["hive-agent.service"]["text"]
    assert unit.startswith((ROOT / "hive_core" / "containers" / "units" / "hive-agent.service").read_text())
    assert "Environment=HIVE_AGENT=worker" in unit
    assert found["environment"]["systemPackages"] == ["git", "ripgrep", "black"]
    assert found["users"]["users"]["agent"]["uid"] == users.MODEL.uid
    assert found["failed"] == []


def test_a_package_that_is_not_there_is_named() -> None:
    (failed,) = agent(settings={"packages": ["ripgrep", "no-such.thing"]})["failed"]
    assert "no-such.thing" in failed


def test_every_option_is_described() -> None:
    for found in (host(), agent()):
        assert found["options"]
        assert all(option["description"] for option in found["options"].values())


def test_the_reference_of_the_options_is_not_stale() -> None:
    words = ["nix-instantiate", "--eval", "--strict", "--json", ROOT / "modules" / "docs.nix", "--arg", "lib", str(LIB)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "docs" / "options.md").read_text() == json.loads(done.stdout)
