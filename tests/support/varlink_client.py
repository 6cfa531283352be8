"""A Varlink client that nobody here wrote: the PyPI package `varlink`, and what any server of ours must let it do."""

import contextlib
import importlib.metadata
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import varlink
from varlink import scanner

from hive_rpc.errors import ERROR_INTERFACE, family


@contextlib.contextmanager
def opened(path: Path, interface: str) -> Iterator[Any]:
    """An object with the interface's methods, made from what the server says about itself. It blocks: use a thread."""
    with _connected(path) as (client, connection):
        yield client.open(interface, connection=connection)


def explore(path: Path) -> dict[str, scanner.Interface]:
    """Everything that is served there, as that client understands it, by name. It blocks: use a thread."""
    with _connected(path) as (client, connection):
        names = client.get_interfaces(connection)
        found = {name: client.get_interface(name, connection) for name in names}
    assert (client.info["product"], client.info["version"]) == ("hive", importlib.metadata.version("hive"))
    assert [interface.name for interface in found.values()] == list(found)
    assert {f"{ERROR_INTERFACE}.{name}" for name in found[ERROR_INTERFACE].members} == set(family())
    return found


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[tuple[varlink.Client, socket.socket]]:
    # A connection that it makes itself is left open when a call on it fails.
    with varlink.Client(f"unix:{path}") as client, contextlib.closing(client.open_connection()) as connection:
        yield client, connection
