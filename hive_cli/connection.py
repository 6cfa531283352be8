"""A connection to core's operator socket, or a sentence that says why there is none."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hive_base.paths import RunPaths
from hive_rpc.client import Client
from hive_rpc.errors import UnavailableError
from hive_rpc.interfaces.operator import Operator


def _why_not(socket: Path) -> UnavailableError | None:
    """What can be said without dialling; None when nothing speaks against it."""
    hint = "Start it with `hive up`, or say with --state where it is."
    if socket == RunPaths().operator_socket:
        hint = "Start it with `hive up`, or on a host with the NixOS module with `systemctl start hive-core`."
    try:
        socket.stat()
    except PermissionError:
        pass
    except OSError:
        return UnavailableError(f"No hive is running at {socket}.", hint=hint)
    if not os.access(socket, os.R_OK | os.W_OK):
        return UnavailableError(f"You may not open {socket}.", hint="Become root, or join the group hive-operators.")
    return None


@asynccontextmanager
async def operator(socket: Path) -> AsyncIterator[Operator]:
    """Talk to the hive at this socket. Raises UnavailableError when nobody answers there."""
    if (reason := _why_not(socket)) is not None:
        raise reason
    try:
        client = await Client.connect(socket)
    except (OSError, UnavailableError) as error:
        raise UnavailableError(f"Nobody answers at {socket}.", hint="Start the hive with `hive up`.") from error
    try:
        yield client.proxy(Operator)
    finally:
        await client.close()
