"""A Varlink client that nobody here wrote: the PyPI package `varlink`, and what any server of ours must let it do."""

import contextlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import varlink
from varlink import scanner

from hive_rpc.errors import ERROR_INTERFACE, family


@contextlib.contextmanager
def opened(path: Path, interface: str) -> Iterator[Any]:
    """An object with the interface's methods, made from what the server says about itself. It blocks: use a thread."""
    # It leaves a connection that it made itself open when the interface is not there.
    with varlink.Client(f"unix:{path}") as client, contextlib.closing(client.open_connection()) as connection:
        yield client.open(interface, connection=connection)


def explore(path: Path) -> dict[str, scanner.Interface]:
    """Everything that is served there, as that client understands it, by name. It blocks: use a thread."""
    with varlink.Client(f"unix:{path}") as client:
        client.get_interfaces()
        found = {name: client.get_interface(name) for name in client.info["interfaces"]}
    assert (client.info["product"], client.info["version"]) == ("hive", importlib.metadata.version("hive"))
    assert [interface.name for interface in found.values()] == list(found)
    assert {f"{ERROR_INTERFACE}.{name}" for name in found[ERROR_INTERFACE].members} == set(family())
    return found
