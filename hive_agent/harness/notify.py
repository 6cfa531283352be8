"""sd_notify(3) by hand: one datagram. systemd-python would cost a process that should be small another library."""

import os
import socket


def notify(*assignments: str) -> None:
    """Tell systemd, as `notify("READY=1", "STATUS=…")`; nothing where systemd did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        # A leading @ stands for the NUL of the abstract namespace.
        connection.connect("\0" + address[1:] if address.startswith("@") else address)
        connection.sendall("\n".join(assignments).encode())
