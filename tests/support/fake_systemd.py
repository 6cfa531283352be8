"""systemd's manager on a bus of its own: a real dbus-daemon, and an object that answers as PID 1 does.

The real one is driven in `tests/integration`. This one can be told to be quick, slow or gone at the right moment.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from hive_core.systemd.names import unit_name, unit_path

SYSTEMD = "org.freedesktop.systemd1"
MANAGER = f"{SYSTEMD}.Manager"
MACHINED = "org.freedesktop.machine1"
LEADER = 4242
"""The pid of every machine's init."""
BUS_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/> <allow own="*"/>
    <allow send_type="method_call"/> <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/>
    <allow receive_type="error"/> <allow receive_type="signal"/>
  </policy>
</busconfig>
"""
INACTIVE: dict[str, Any] = {
    "ActiveState": Variant("s", "inactive"),
    "SubState": Variant("s", "dead"),
    "Result": Variant("s", "success"),
    "ExecMainCode": Variant("i", 0),
    "ExecMainStatus": Variant("i", 0),
    "ExecMainPID": Variant("u", 0),
    "InvocationID": Variant("ay", b""),
}
UNIT_PROPERTIES = frozenset({"ActiveState", "SubState", "InvocationID"})


class Bus:
    """A dbus-daemon in `directory`, which can be restarted."""

    def __init__(self, directory: Path) -> None:
        self._config = directory / "bus.conf"
        self._socket = directory / "bus.sock"
        self._config.write_text(BUS_CONFIG.format(socket=self._socket))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"unix:path={self._socket}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            "dbus-daemon",
            f"--config-file={self._config}",
            "--nofork",
            "--print-address",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline(), "dbus-daemon did not start"

    @contextlib.contextmanager
    def reading_nothing(self) -> Iterator[None]:
        """It is there, and leaves what it is sent in the socket."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.communicate()
            self._process = None
            self._socket.unlink(missing_ok=True)


class FakeSystemd:
    """Answers on a `Bus`. What was asked is in `asked`; `units` are the properties, by unit."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._bus: MessageBus | None = None
        self._jobs = 0
        self.units: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Sequence[Any]]] = []
        self.failing: set[str] = set()
        """Units whose start fails."""
        self.failing_once: set[str] = set()
        """Units whose next start fails."""
        self.silent = False
        """Jobs are accepted and never finished."""
        self.on_start: Callable[[str], None] = lambda unit: None

    async def connect(self) -> None:
        self._bus = await MessageBus(bus_address=self.address).connect()
        self._bus.add_message_handler(self._answer)
        await self._bus.request_name(SYSTEMD)
        await self._bus.request_name(MACHINED)

    async def close(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()
            # The daemon may be gone before.
            with contextlib.suppress(OSError, EOFError):
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def change(self, unit: str, **properties: Any) -> None:
        """Change a unit and announce it as systemd does: the service's half first, and more than once."""
        self.units.setdefault(unit, dict(INACTIVE)).update(_variants(properties))
        for _ in range(2):
            for interface, is_unit in (("Service", False), ("Unit", True)):
                half = {k: v for k, v in self.units[unit].items() if (k in UNIT_PROPERTIES) is is_unit}
                body = [f"{SYSTEMD}.{interface}", half, []]
                self._emit(unit_path(unit), "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", body)

    def half_change(self, unit: str, **properties: Any) -> None:
        """Only the service's half."""
        self.units.setdefault(unit, dict(INACTIVE)).update(_variants(properties))
        body = [f"{SYSTEMD}.Service", _variants(properties), []]
        self._emit(unit_path(unit), "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", body)

    def runs(self, unit: str, invocation: str = "11" * 16) -> None:
        self.change(unit, ActiveState="active", SubState="running", InvocationID=bytes.fromhex(invocation))

    def is_killed(self, unit: str, signal: int = 9) -> None:
        """Its main process is killed; systemd cleans up and plans a restart."""
        ended = {"Result": "signal", "ExecMainCode": 2, "ExecMainStatus": signal}
        self.change(unit, ActiveState="deactivating", SubState="stop-sigkill", **ended)
        self.change(unit, ActiveState="failed", SubState="failed")
        self.change(unit, ActiveState="activating", SubState="auto-restart")

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.destination not in (SYSTEMD, MACHINED):
            return None
        body = message.body
        if message.destination == MACHINED:
            return self._answer_of_machined(message)
        self.asked.append((str(message.member), body))
        match message.member:
            case "StartUnit":
                self.on_start(body[0])
                if body[0] in self.failing | self.failing_once:
                    self.failing_once.discard(body[0])
                    failed = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
                    self.change(body[0], **failed, ExecMainCode=1, ExecMainStatus=1)
                    return self._job(message, body[0], "failed")
                return self._job(message, body[0], "done")
            case "StopUnit":
                self.change(body[0], **{k: v.value for k, v in INACTIVE.items()})
                return self._job(message, body[0], "done")
            case "GetAll":
                unit = unit_name(str(message.path)) or ""
                return Message.new_method_return(message, "a{sv}", [self.units.get(unit, INACTIVE)])
            case "ListUnitsByPatterns":
                found = [u for u in self.units if any(fnmatch(u, pattern) for pattern in body[1])]
                entries = [[u, "", "loaded", "", "", "", unit_path(u), 0, "", "/"] for u in found]
                return Message.new_method_return(message, "a(ssssssouso)", [entries])
            case "ResetFailedUnit" if body[0] not in self.units:
                return Message.new_error(message, f"{SYSTEMD}.NoSuchUnit", f"Unit {body[0]} not loaded.")
            case _:
                return Message.new_method_return(message)

    def _answer_of_machined(self, message: Message) -> Message:
        if message.member == "Get":
            return Message.new_method_return(message, "v", [Variant("u", LEADER)])
        machine = message.body[0]
        if self.units.get(f"container@{machine}.service", INACTIVE)["ActiveState"].value != "active":
            return Message.new_error(message, f"{MACHINED}.NoSuchMachine", f"No machine '{machine}' known.")
        return Message.new_method_return(message, "o", [f"/org/freedesktop/machine1/machine/{self._label(machine)}"])

    @staticmethod
    def _label(machine: str) -> str:
        return machine.replace("-", "_2d")

    def _job(self, call: Message, unit: str, result: str) -> Message:
        self._jobs += 1
        job = f"/org/freedesktop/systemd1/job/{self._jobs}"
        if not self.silent:
            # Before the reply that names it: PID 1 does this with what is finished at once.
            self._emit("/org/freedesktop/systemd1", MANAGER, "JobRemoved", "uoss", [self._jobs, job, unit, result])
        return Message.new_method_return(call, "o", [job])

    def _emit(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        assert self._bus is not None
        self._bus.send(Message.new_signal(path, interface, member, signature, body))


def _variants(properties: dict[str, Any]) -> dict[str, Variant]:
    return {name: Variant(INACTIVE[name].signature, value) for name, value in properties.items()}


def mapped_leader(root: Path) -> Path:
    """A /proc in which the machines' init has users of its own: what has its pid on this machine is somebody else."""
    proc = root / "proc"
    leader = proc / str(LEADER)
    leader.mkdir(parents=True)
    for name in ("uid_map", "gid_map"):
        (leader / name).write_text(f"         0 {524288:10} {65536:10}\n")
    return proc


@contextlib.asynccontextmanager
async def fake_systemd(directory: Path) -> AsyncIterator[tuple[Bus, FakeSystemd]]:
    """A bus with a systemd on it."""
    bus = Bus(directory)
    await bus.start()
    systemd = FakeSystemd(bus.address)
    await systemd.connect()
    try:
        yield bus, systemd
    finally:
        await systemd.close()
        await bus.stop()
