"""`org.varlink.service`, which every Varlink server has: what is served here, and each interface's description."""

from collections.abc import Sequence

from hive_rpc.errors import ERROR_INTERFACE
from hive_rpc.faults import SERVICE, ServiceError
from hive_rpc.interface import Interface, rpc
from hive_rpc.types import Empty, Model


class InfoReply(Model):
    vendor: str
    product: str
    version: str
    url: str
    interfaces: list[str]


class DescriptionRequest(Model):
    interface: str


class DescriptionReply(Model):
    description: str


class ServiceInterface(Interface, name=SERVICE, sockets=["every socket"]):
    """What every Varlink service provides."""

    @rpc()
    async def get_info(self, request: Empty) -> InfoReply:
        """Who made this service, and the interfaces that it serves."""
        raise NotImplementedError

    @rpc()
    async def get_interface_description(self, request: DescriptionRequest) -> DescriptionReply:
        """The description of one interface in Varlink's own language."""
        raise NotImplementedError


class Service(ServiceInterface):
    """Describes the handlers of one connection."""

    def __init__(self, served: Sequence[type[Interface]]) -> None:
        self._served = {SERVICE: ServiceInterface} | {handler.varlink_name: handler for handler in served}

    async def get_info(self, request: Empty) -> InfoReply:
        # 1.6 MiB with all that it imports, which every harness on a host would hold.
        import importlib.metadata

        return InfoReply(
            vendor="Hive",
            product="hive",
            version=importlib.metadata.version("hive"),
            url="",
            interfaces=[*self._served, ERROR_INTERFACE],
        )

    async def get_interface_description(self, request: DescriptionRequest) -> DescriptionReply:
        # Reads source files; only somebody who explores pays for it.
        from hive_rpc import idl

        if request.interface == ERROR_INTERFACE:
            return DescriptionReply(description=idl.describe_errors())
        interface = self._served.get(request.interface)
        if interface is None:
            raise ServiceError("InterfaceNotFound", interface=request.interface)
        return DescriptionReply(description=idl.describe(interface))
