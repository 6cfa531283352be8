"""Being a systemd service: saying how one fares (sd_notify(3)), feeding the watchdog, and being asked to stop."""

import asyncio
import os
import signal
import socket

from hive_base.clock import Clock


def notify(*assignments: str) -> None:
    """Tell systemd, as `notify("READY=1", "STATUS=…")`; nothing where systemd did not start us.

    One datagram by hand: systemd-python would cost the harness, which should be small, another library.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        # A leading @ stands for the NUL of the abstract namespace.
        connection.connect("\0" + address[1:] if address.startswith("@") else address)
        connection.sendall("\n".join(assignments).encode())


async def beat(clock: Clock) -> None:
    """Feed systemd's watchdog, at half of its interval, from the loop that it watches; without one, return."""
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000 / 2
    while interval:
        notify("WATCHDOG=1")
        await clock.sleep(interval)


def asked_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in place of what they would do."""
    event = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event
