"""The NixOS modules, evaluated with nixpkgs' `lib` and stubs for the modules that they build on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hive_base import users
from hive_cli.up.host import WANTS, HostConfig, skeleton
from hive_core.agents.config import AgentConfig
from hive_core.config import CoreConfig
from hive_core.containers.models import ContainerKind
from hive_core.operators.scraper import CREDENTIAL
from hive_gateway.config import GatewayConfig
from hive_rpc.accounts import AccountName
from hive_rpc.types import AgentName
from hive_web.config import WebConfig

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STATE_MOUNT = "var-lib-hive.mount"
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


def agent(more: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """What services.hive-agent sets."""
    hive_agent = {"enable": True, "name": "worker", **settings}
    done = run("agent.nix", {**(more or {}), "services": {"hive-agent": hive_agent}})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def generated(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A file below /etc/hive: its content, and the script that makes the file of it."""
    made: dict[str, Any] = found["environment"]["etc"][f"hive/{name}.toml"]["source"]
    return made


def configs(found: dict[str, Any]) -> tuple[CoreConfig, WebConfig, GatewayConfig]:
    """What the daemons read, as they read it."""
    core, web, gateway = (generated(found, name)["source"] for name in ("core", "web", "gateway"))
    return CoreConfig.model_validate(core), WebConfig.model_validate(web), GatewayConfig.model_validate(gateway)


def test_users_have_their_reserved_numbers() -> None:
    found = host()["users"]
    for user in (users.WEB, users.GATEWAY, users.BUILD, users.MODEL):
        assert found["users"][user.name]["uid"] == user.uid
        assert found["groups"][user.name]["gid"] == user.uid
    assert found["groups"][users.OPERATORS_GROUP.name]["gid"] == users.OPERATORS_GROUP.uid


def test_the_units_are_those_of_hive_up() -> None:
    """All of them, word for word, and what `hive up` starts is started; but the state's mount is from elsewhere."""
    units = host()["systemd"]["units"]
    assert {unit.name for unit in (ROOT / "hive_cli" / "up" / "units").iterdir()} == {*units, STATE_MOUNT}
    for name, unit in units.items():
        assert unit["text"].startswith((ROOT / "hive_cli" / "up" / "units" / name).read_text())
        assert "X-Restart-Triggers=/nix/store/hive-environment" in unit["text"]
    started = {"multi-user.target": "service", "sockets.target": "socket"}
    wanted = {name for name, unit in units.items() for by in unit["wantedBy"] if name.endswith(f".{started[by]}")}
    assert {*wanted, STATE_MOUNT} == set(WANTS)


def test_what_hive_up_makes_the_module_makes_too() -> None:
    made = skeleton(HostConfig(port=4483))
    found = host()
    for account in made.accounts:
        assert found["users"]["users"][account.user.name]["uid"] == account.user.uid
    for path in made.files:
        if path.startswith("etc/hive/"):
            assert path.removeprefix("etc/") in found["environment"]["etc"]
    rules = " ".join(found["systemd"]["tmpfiles"]["rules"])
    for directory in {f"/{path}" for path in made.directories} - {"/hive-state/lib"}:
        assert f" {directory} " in rules


def test_the_journal_has_the_limits_of_hive_up() -> None:
    made = skeleton(HostConfig(port=4483)).files["etc/systemd/journald.conf.d/hive.conf"].text
    wanted = [line for line in made.splitlines() if "=" in line and not line.startswith("#")]
    assert wanted
    assert host()["journald"]["extraConfig"].splitlines() == wanted


def test_the_daemons_understand_their_configuration() -> None:
    core, web, gateway = configs(host(name="home hive", retention={"messages": 60}, egress={"bytes_per_day": 5}))
    assert (core.name, core.dashboard, core.retention.messages) == ("home hive", "http://127.0.0.1:4483", 60)
    assert core.containers is ContainerKind.NIXOS
    assert (web.secure, web.port, web.unix_socket) == (False, 4483, None)
    assert gateway.egress.bytes_per_day == 5
    assert configs(host(nixpkgs="path:/a"))[0].nixpkgs == "path:/a"


@pytest.mark.parametrize(
    ("settings", "name", "mistake"),
    [
        ({"name": "home"}, "core", None),
        ({"retention": {"audit": 366}}, "core", None),
        ({"retention": {"audit": 30}}, "core", "retention.audit"),
        ({"retention": {"mesages": 60}}, "core", "retention.mesages"),
        ({"egress": {"bytes_per_day": -1}}, "gateway", "egress.bytes_per_day"),
        ({}, "web", None),
        ({"agents": {"worker": {"limits": {"memory_mib": 2048}}}}, "agents/worker", None),
        ({"agents": {"worker": {"limits": {"memory_mib": 1}}}}, "agents/worker", "limits.memory_mib"),
    ],
)
def test_a_mistake_in_a_daemon_s_file_is_told_when_the_machine_is_built(
    tmp_path: Path, settings: dict[str, Any], name: str, mistake: str | None
) -> None:
    made = generated(host(**settings), name)
    source, out = tmp_path / "source", tmp_path / "out"
    lines = [f"{key} = {json.dumps(value)}" for key, value in made["source"].items() if not isinstance(value, dict)]
    for table, values in ((key, value) for key, value in made["source"].items() if isinstance(value, dict)):
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    source.write_text("\n".join(lines))
    script = made["script"].replace("/nix/store/hive-environment/bin/python3 -I", f"{sys.executable} -P")
    done = subprocess.run(
        ["sh", "-ec", script],
        env={"source": str(source), "out": str(out), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == (mistake is None), done.stderr
    assert mistake is None or (mistake in done.stderr and "Traceback" not in done.stderr)
    assert mistake is not None or out.read_text() == source.read_text()


def test_a_daemon_is_started_again_when_what_it_reads_has_changed() -> None:
    def texts(**settings: Any) -> dict[str, str]:
        return {name: unit["text"] for name, unit in host(**settings)["systemd"]["units"].items()}

    before = texts()
    for settings, restarted in (
        ({"agents": {"worker": {}}}, {"hive-core.service"}),
        ({"dashboard": {"port": 8000}}, {"hive-core.service", "hive-web.service"}),
        ({"egress": {"bytes_per_day": 5}}, {"hive-gateway.service"}),
    ):
        after = texts(**settings)
        assert {name for name in after if after[name] != before[name]} == restarted


def test_the_state_cannot_hold_what_runs_as_somebody_else() -> None:
    found = host()
    (mount,) = found["systemd"]["mounts"]
    lines = (ROOT / "hive_cli" / "up" / "units" / STATE_MOUNT).read_text().splitlines()
    assert {f"Where={mount['where']}", f"Type={mount['type']}", f"Options={mount['options']}"} <= set(lines)
    assert (mount["what"], mount["wantedBy"]) == ("/var/lib/hive", ["local-fs.target"])
    assert "d /var/lib/hive 0700 root root -" in found["systemd"]["tmpfiles"]["rules"]


def test_one_domain_is_served_over_tls_through_nginx() -> None:
    found = host({"services": {"nginx": {"enable": True}}}, dashboard={"hostName": "hive.example.org"})
    site = found["virtualHosts"]["hive.example.org"]
    core, web, _ = configs(found)
    assert site["forceSSL"]
    assert site["locations"]["/"]["proxyPass"] == f"http://unix:{web.unix_socket}:"
    assert "$http_host" not in site["locations"]["/"]["extraConfig"], "NixOS would not build it"
    assert (web.secure, web.allowed_hosts) == (True, ("hive.example.org",))
    assert core.dashboard == "https://hive.example.org"
    assert found["users"]["users"]["nginx"]["extraGroups"] == ["hive-web"]
    assert found["failed"] == []


def test_an_account_s_secret_is_the_gateway_s_alone() -> None:
    accounts = {"default": {"apiKeyFile": "/run/secrets/key"}, "team": {"setupTokenFile": "/run/secrets/token"}}
    found = host(accounts=accounts)
    units = {name: unit["text"] for name, unit in found["systemd"]["units"].items()}
    gateway = units.pop("hive-gateway.service")
    assert "LoadCredential=account_default.api-key:/run/secrets/key\n" in gateway
    assert "LoadCredential=account_team.setup-token:/run/secrets/token\n" in gateway
    assert "/run/secrets" not in json.dumps([units, found["environment"]])
    assert found["failed"] == []


def test_the_token_for_the_metrics_is_core_s_alone() -> None:
    units = {name: unit["text"] for name, unit in host()["systemd"]["units"].items()}
    assert "LoadCredential" not in units["hive-core.service"]
    found = host(metrics={"tokenFile": "/run/secrets/metrics"})
    units = {name: unit["text"] for name, unit in found["systemd"]["units"].items()}
    assert f"[Service]\nLoadCredential={CREDENTIAL}:/run/secrets/metrics\n" in units.pop("hive-core.service")
    assert "/run/secrets" not in json.dumps([units, found["environment"]])
    assert found["failed"] == []


def test_declared_agents_are_what_core_reads() -> None:
    config = {"model": "opus", "limits": {"memory_mib": 2048}}
    found = host(agents={"worker": config})
    assert generated(found, "agents/worker")["source"] == config
    assert AgentConfig.model_validate(config).limits.memory_mib == 2048
    assert found["failed"] == []


def test_the_machine_keeps_memory_for_itself() -> None:
    assert host()["systemd"]["slices"]["machine"]["sliceConfig"] == {"MemoryMax": "85%"}
    assert "MemoryMax" not in json.dumps(host(memory=None)["systemd"]["slices"])
    assert host()["boot"]["kernel"]["sysctl"]["fs.inotify.max_user_instances"] > 1000


def test_the_site_s_proxy_is_the_gateway_s() -> None:
    units = host({"networking": {"hostName": "h", "proxy": {"httpsProxy": "http://p:1"}}})["systemd"]["units"]
    assert "Environment=HTTPS_PROXY=http://p:1\n" in units["hive-gateway.service"]["text"]


def test_operators_are_in_their_group() -> None:
    found = host(ADA, operators=["ada"])
    assert found["users"]["groups"]["hive-operators"]["members"] == ["ada"]
    assert found["failed"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accounts": {"a": {"apiKeyFile": "/nix/store/abc-key"}}}, "everybody can read"),
        ({"metrics": {"tokenFile": "/nix/store/abc-token"}}, "everybody can read"),
        ({"accounts": {"a": {}}}, "needs one of apiKeyFile and setupTokenFile"),
        ({"accounts": {"a": {"apiKeyFile": "/a", "setupTokenFile": "/b"}}}, "not both"),
        ({"dashboard": {"hostName": "hive.example.org"}}, "services.nginx.enable"),
        ({"operators": ["nobody-here"]}, "users.users does not have"),
    ],
)
def test_a_wrong_configuration_is_refused_with_what_to_do(settings: dict[str, Any], message: str) -> None:
    (failed,) = host(**settings)["failed"]
    assert message in failed


@pytest.mark.parametrize(
    "name", ["a", "a-1", "a" * 31, "a" * 40, "a" * 41, "A", "a_b", "a--b", "a-", "1a", "", "ä", "a\n"]
)
@pytest.mark.parametrize(
    ("option", "rule", "value"), [("accounts", AccountName, {"apiKeyFile": "/key"}), ("agents", AgentName, {})]
)
def test_a_name_is_one_if_core_takes_it(option: str, rule: Any, value: dict[str, str], name: str) -> None:
    try:
        TypeAdapter(rule).validate_python(name)
    except ValidationError:
        (failed,) = host(**{option: {name: value}})["failed"]
        assert failed.startswith(f"services.hive.{option}: names are ")
    else:
        assert host(**{option: {name: value}})["failed"] == []


@pytest.mark.parametrize("overlay", [{}, {"enable": True}, {"mutable": False}])
def test_a_machine_whose_etc_can_be_written_is_taken(overlay: dict[str, bool]) -> None:
    assert host({"system": {"etc": {"overlay": overlay}}})["failed"] == []


def test_a_machine_whose_etc_cannot_be_written_is_refused() -> None:
    (failed,) = host({"system": {"etc": {"overlay": {"enable": True, "mutable": False}}}})["failed"]
    assert "system.etc.overlay.mutable" in failed


def test_a_machine_with_other_directories_for_containers_is_refused() -> None:
    (failed,) = host({"system": {"stateVersion": "21.11"}})["failed"]
    assert "stateVersion" in failed


@pytest.mark.parametrize(
    "settings", [{"accounts": {"a": {"apiKeyFile": "relative"}}}, {"dashboard": {"port": 70000}}, {"nonsense": 1}]
)
def test_a_wrong_type_does_not_evaluate(settings: dict[str, Any]) -> None:
    hive = {"enable": True, "name": "n", **settings}
    assert run("hive.nix", {"services": {"hive": hive}}).returncode != 0


def test_an_agent_s_container_is_the_harness_and_its_packages() -> None:
    found = agent(settings={"model": "opus", "packages": ["ripgrep", "python3Packages.black"]})
    unit = found["systemd"]["units"]["hive-agent.service"]["text"]
    assert unit.startswith((ROOT / "hive_core" / "containers" / "units" / "hive-agent.service").read_text())
    assert "Environment=HIVE_AGENT=worker" in unit
    assert found["environment"]["systemPackages"] == ["ripgrep", "black"]
    assert found["users"]["users"]["agent"]["uid"] == users.MODEL.uid
    assert found["boot"] == {"isNspawnContainer": True}
    assert found["failed"] == []


def test_an_agent_s_git_knows_who_it_is_and_what_agent_nix_says_besides() -> None:
    git = {"user": {"name": "worker", "email": "worker@hive"}, "init": {"defaultBranch": "main"}}
    git["safe"] = {"directory": "*"}
    assert agent()["programs"]["git"] == {"enable": True, "config": git}
    theirs = {"user": {"name": "Ada"}, "pull": {"rebase": True}}
    found = agent({"programs": {"git": {"config": theirs}}})["programs"]["git"]["config"]
    assert found == {**git, "user": {"name": "Ada", "email": "worker@hive"}, "pull": {"rebase": True}}


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
