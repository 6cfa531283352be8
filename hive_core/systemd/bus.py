"""A connection to the system bus."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError

from hive_rpc.errors import HiveError, NotFoundError, TimedOutError, UnavailableError

BUS_NAME = "org.freedesktop.DBus"
CALL_LIMIT = 30
"""Seconds that a method call may take; libdbus and sd-bus give up after 25."""
CALLS_AT_ONCE = 32
"""dbus-fast takes a full socket for a lost connection. Without a bus that reads, one holds some 150 small calls."""
_UNKNOWN = frozenset({"org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.machine1.NoSuchMachine"})
_ABSENT = frozenset(
    {
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Disconnected",
    }
)


class SystemBus:
    """One connection; when it is lost, make another object. `on_signal` is called for every signal that matches."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._free = asyncio.Semaphore(CALLS_AT_ONCE)

    @classmethod
    async def connect(cls, on_signal: Callable[[Message], None], address: str | None = None) -> "SystemBus":
        """Raises UnavailableError. `address` is for another bus than the machine's."""
        try:
            bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM, auth_timeout=10).connect()
        except (OSError, EOFError, AuthError, DBusError) as error:
            raise _away(f": {error}") from error

        def handle(message: Message) -> None:
            if message.message_type is MessageType.SIGNAL:
                on_signal(message)

        bus.add_message_handler(handle)
        return cls(bus)

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        tolerate: str | None = None,
    ) -> Sequence[Any]:
        """Call a method. An error of the D-Bus name `tolerate` counts as an empty answer.

        Raises UnavailableError, TimedOutError, NotFoundError for a unit or a machine that is not there, else HiveError.
        """
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            async with asyncio.timeout(CALL_LIMIT), self._free:
                if not self._bus.connected:
                    # dbus-fast would never answer.
                    raise _away()
                reply = await self._bus.call(message)
        except TimeoutError:
            raise TimedOutError(f"{destination} did not answer {member} within {CALL_LIMIT} s.") from None
        except (OSError, EOFError) as error:
            raise _away() from error
        if reply is None:
            raise _away()
        if reply.message_type is MessageType.ERROR:
            if reply.error_name == tolerate:
                return ()
            raise _error(member, reply)
        return reply.body

    async def match(self, rule: str) -> None:
        """Receive the signals of this rule."""
        await self.call(BUS_NAME, "/org/freedesktop/DBus", BUS_NAME, "AddMatch", "s", [rule])

    async def lost(self) -> None:
        """Return when the connection has ended."""
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        except (OSError, EOFError):
            return

    def close(self) -> None:
        if self._bus.connected:
            self._bus.disconnect()


def _away(cause: str = "") -> UnavailableError:
    return UnavailableError(f"The system bus is not reachable{cause}.", hint="Look at `systemctl status dbus`.")


def _error(member: str, reply: Message) -> HiveError:
    said = str(reply.body[0]) if reply.body else str(reply.error_name)
    if reply.error_name in _UNKNOWN:
        return NotFoundError(f"{said.rstrip('.')}.")
    if reply.error_name in _ABSENT:
        return UnavailableError(f"systemd does not answer: {said.rstrip('.')}.")
    return HiveError(f"systemd refused {member}: {said.rstrip('.')}.")


def values(properties: dict[str, Variant]) -> dict[str, Any]:
    """Properties without the types that D-Bus wraps them in."""
    return {name: variant.value for name, variant in properties.items()}
