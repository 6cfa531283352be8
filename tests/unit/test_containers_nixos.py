"""What the driver for NixOS containers asks of the machine's programs, and what it writes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from dbus_fast import Variant

from hive_base.clock import SystemClock
from hive_base.paths import RunPaths, StatePaths
from hive_base.tasks import alongside
from hive_core.containers import nixos
from hive_core.containers.binds import Bind
from hive_core.containers.confs import Confs
from hive_core.containers.models import ContainerSpec
from hive_core.containers.nixos import NixosDriver
from hive_core.systemd.systemd import Systemd
from hive_rpc.errors import AgentFailedError, ConflictError, InvalidError
from tests.support.fake_systemd import INACTIVE, FakeSystemd, fake_systemd

STORE = Path("/nix/store")
OLD = STORE / f"{'0' * 32}-nixos-system-worker-26.05"
NEW = STORE / f"{'1' * 32}-nixos-system-worker-26.05"
SPEC = ContainerSpec(agent="worker", machine="h-worker", system=OLD)


@dataclass
class Machine:
    """Does on files what `nixos-container` and `nix-env` do, and remembers what it was told."""

    root: Path
    asked: list[list[str]] = field(default_factory=list)
    fails: bool = False

    @property
    def confs(self) -> Confs:
        return Confs(self.root / "confs")

    @property
    def profile(self) -> Path:
        return self.root / "profiles/h-worker/system"

    async def on_disk(self, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        words = [str(word) for word in arguments]
        self.asked.append(words)
        match words:
            case ["nixos-container", "create", machine, "--system-path", _]:
                assert await self.confs.read(machine) == {}, "it refuses a container that is there"
                await self.confs.write(machine, {"HOST_ADDRESS": "10.233.1.1", "LOCAL_ADDRESS": "10.233.1.2"})
                self.profile.mkdir(parents=True)
            case ["nixos-container", "destroy", machine]:
                assert await self.confs.read(machine), "it does nothing without a conf, and stumbles over an empty one"
                await self.confs.remove(machine)
                if self.profile.exists():
                    self.profile.rmdir()
                    self.profile.parent.rmdir()

    async def inside(self, machine: str, arguments: Sequence[str | Path], *, time_limit: float) -> None:
        self.asked.append(["inside", machine, *map(str, arguments)])
        if self.fails:
            raise AgentFailedError("switch-to-configuration failed in h-worker: a unit did not start")

    async def restart(self, machine: str, unit: str, *, time_limit: float) -> None:
        self.asked.append(["restart", machine, unit])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeSystemd]:
    async with fake_systemd(tmp_path) as (_, fake):
        starts_with(fake, tmp_path / "start", '#!/bin/sh\nif test -n "$PRIVATE_USERS"; then …')
        yield fake


def starts_with(fake: FakeSystemd, script: Path, text: str) -> None:
    """What the unit of containers runs."""
    script.write_text(text)
    command = [str(script), [str(script)], False, 0, 0, 0, 0, 0, 0, 0]
    fake.units["container@h-check.service"] = {**INACTIVE, "ExecStart": Variant("a(sasbttttuii)", [command])}


@pytest.fixture
async def driver(
    fake: FakeSystemd, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NixosDriver]:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("nixos-container", "nix-env"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setattr(nixos, "SAFE_PATH", str(programs))
    systemd = Systemd(SystemClock(), watched="container@", address=fake.address)
    await systemd.connect()
    places = {name: tmp_path / name for name in ("machines", "confs", "profiles")}
    async with alongside(systemd.run()):
        yield NixosDriver(RunPaths(), StatePaths(), systemd, machine, **places)


async def flags(machine: Machine) -> set[str]:
    return set((await machine.confs.read("h-worker"))["EXTRA_NSPAWN_FLAGS"].split(" "))


async def test_a_new_machine_is_created_with_its_system_and_gets_no_addresses(
    driver: NixosDriver, machine: Machine
) -> None:
    await driver.fill(SPEC)
    assert machine.asked == [["nixos-container", "create", "h-worker", "--system-path", str(OLD)]]
    conf = await machine.confs.read("h-worker")
    assert set(conf) == {"PRIVATE_NETWORK", "PRIVATE_USERS", "SYSTEM_PATH", "EXTRA_NSPAWN_FLAGS"}
    assert (conf["PRIVATE_NETWORK"], conf["PRIVATE_USERS"], conf["SYSTEM_PATH"]) == ("1", "pick", str(OLD))


async def test_one_that_is_there_gets_its_system_and_the_one_before_is_kept(
    driver: NixosDriver, machine: Machine
) -> None:
    await driver.fill(SPEC)
    machine.asked.clear()
    await driver.fill(replace(SPEC, system=NEW))
    profile = ["nix-env", "--profile", str(machine.profile)]
    assert machine.asked == [[*profile, "--set", str(NEW)], [*profile, "--delete-generations", "+2"]]
    assert (await machine.confs.read("h-worker"))["SYSTEM_PATH"] == str(NEW)


async def test_what_a_creation_left_that_was_cut_off_is_cleared_away_first(
    driver: NixosDriver, machine: Machine
) -> None:
    await machine.confs.write("h-worker", {"HOST_ADDRESS": "10.233.1.1"})
    await driver.fill(SPEC)
    assert [words[1] for words in machine.asked] == ["destroy", "create"]


async def test_nothing_of_nix_is_there_but_the_store_unless_it_may_use_nix(
    driver: NixosDriver, machine: Machine
) -> None:
    masked = {f"--tmpfs=/nix/var/nix/{name}" for name in ("profiles", "gcroots")}
    daemon = "--tmpfs=/nix/var/nix/daemon-socket"
    await driver.fill(SPEC)
    assert {*masked, daemon} < await flags(machine)
    await driver.fill(replace(SPEC, nix=True))
    assert masked < await flags(machine)
    assert daemon not in await flags(machine)


async def test_binds_go_by_flags_with_their_users_mapped(driver: NixosDriver, machine: Machine) -> None:
    await driver.fill(replace(SPEC, binds=[Bind(Path("/srv/data"), Path("/data"))]))
    assert {
        "--bind=/srv/data:/data:idmap",
        "--bind-ro=/run/hive/agents/worker/core:/run/hive/core:idmap",
        "--bind=/var/lib/hive/agents/worker/state:/agents/worker/state:idmap",
    } < await flags(machine)


async def test_another_system_is_switched_to_in_the_machine_that_runs(driver: NixosDriver, machine: Machine) -> None:
    await driver.fill(SPEC)
    machine.asked.clear()
    assert await driver.reload(replace(SPEC, system=NEW))
    assert [words[0] for words in machine.asked] == ["nix-env", "nix-env", "inside", "restart"]
    assert ["inside", "h-worker", f"{NEW}/bin/switch-to-configuration", "test"] in machine.asked
    assert (await machine.confs.read("h-worker"))["SYSTEM_PATH"] == str(NEW), "a reboot from inside boots it, too"


async def test_for_the_same_system_only_the_harness_begins_anew(driver: NixosDriver, machine: Machine) -> None:
    await driver.fill(SPEC)
    machine.asked.clear()
    assert await driver.reload(SPEC)
    assert machine.asked == [["restart", "h-worker", "hive-agent.service"]]


@pytest.mark.parametrize("other", [replace(SPEC, nix=True), replace(SPEC, binds=[Bind(Path("/srv/a"), Path("/a"))])])
async def test_other_mounts_need_a_boot(driver: NixosDriver, machine: Machine, other: ContainerSpec) -> None:
    await driver.fill(SPEC)
    before = await machine.confs.read("h-worker")
    machine.asked.clear()
    assert not await driver.reload(replace(other, system=NEW))
    assert machine.asked == []
    assert await machine.confs.read("h-worker") == before


async def test_a_switch_that_fails_says_what_it_said(driver: NixosDriver, machine: Machine) -> None:
    await driver.fill(SPEC)
    machine.fails = True
    with pytest.raises(AgentFailedError, match="a unit did not start"):
        await driver.reload(replace(SPEC, system=NEW))
    await driver.fill(SPEC)
    assert (await machine.confs.read("h-worker"))["SYSTEM_PATH"] == str(OLD), "and back"


async def test_a_removal_leaves_nothing_and_needs_nothing(driver: NixosDriver, machine: Machine) -> None:
    await driver.remove("h-worker")
    assert machine.asked == []
    await driver.fill(SPEC)
    await driver.remove("h-worker")
    assert machine.asked[-1] == ["nixos-container", "destroy", "h-worker"]
    assert not machine.profile.parent.exists()
    # As after a destroy that was cut off: without a conf the program would do nothing.
    (machine.root / "machines/h-worker").mkdir(parents=True)
    await driver.remove("h-worker")
    assert machine.asked[-1] == ["nixos-container", "destroy", "h-worker"]
    assert await machine.confs.read("h-worker") == {}


@pytest.mark.parametrize(
    "system",
    [
        "/etc/passwd",
        f"{OLD}/../x",
        f"{OLD} --bind=/:/x",
        "/nix/store/short",
        f'{OLD}"\nEXTRA_NSPAWN_FLAGS="',
        f"/nix/store/.{OLD.name}",
    ],
)
async def test_only_a_path_of_the_store_is_a_system(driver: NixosDriver, machine: Machine, system: str) -> None:
    with pytest.raises(InvalidError, match="Nix store"):
        await driver.fill(replace(SPEC, system=Path(system)))
    assert machine.asked == []


async def test_an_agent_that_was_never_built_says_so(driver: NixosDriver) -> None:
    with pytest.raises(ConflictError, match="worker has no system"):
        await driver.fill(replace(SPEC, system=None))


@pytest.mark.parametrize("missing", ["nixos-container", "nix-env"])
async def test_a_machine_without_the_programs_is_told_what_to_do(
    driver: NixosDriver, tmp_path: Path, missing: str
) -> None:
    await driver.check()
    (tmp_path / "programs" / missing).unlink()
    with pytest.raises(ConflictError, match=f"no {missing}") as refused:
        await driver.fill(SPEC)
    assert "boot.enableContainers" in refused.value.hint


@pytest.mark.parametrize("start", ["#!/bin/sh\nexec systemd-nspawn --keep-unit", "\x7fELF PRIVATE_USERS"])
async def test_a_unit_that_takes_no_notice_of_private_users_is_refused(
    driver: NixosDriver, fake: FakeSystemd, machine: Machine, tmp_path: Path, start: str
) -> None:
    starts_with(fake, tmp_path / "start", start)
    with pytest.raises(ConflictError, match="PRIVATE_USERS"):
        await driver.fill(SPEC)
    assert machine.asked == []


async def test_a_machine_without_such_a_unit_is_refused(driver: NixosDriver, fake: FakeSystemd) -> None:
    fake.units.clear()
    with pytest.raises(ConflictError, match="PRIVATE_USERS"):
        await driver.check()
