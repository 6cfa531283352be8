"""Every method of every interface is answered: none is only declared."""

import pytest

from hive_agent.harness.endpoint import RunnerEndpoint
from hive_agent.harness.managing import ManagerEndpoint
from hive_core.api.agent_session import AgentSession
from hive_core.api.gateway_desk import GatewayDesk
from hive_core.api.manager_session import ManagerSession
from hive_core.api.operator_verbs import OperatorVerbs
from hive_core.api.session_desk import SessionDesk
from hive_rpc.docs import discover
from hive_rpc.interface import Interface, declaration, methods
from hive_rpc.introspect import ServiceInterface

SERVED: tuple[type[Interface], ...] = (
    AgentSession,
    OperatorVerbs,
    SessionDesk,
    GatewayDesk,
    ManagerSession,
    RunnerEndpoint,
    ManagerEndpoint,
)


@pytest.mark.parametrize("handler", SERVED, ids=lambda handler: handler.__name__)
def test_every_method_of_the_interface_is_implemented(handler: type[Interface]) -> None:
    interface = declaration(handler)
    assert methods(interface)
    missing = [
        method.full_name
        for method in methods(interface).values()
        if getattr(handler, method.attribute) is getattr(interface, method.attribute)
    ]
    assert missing == []


def test_every_interface_has_somebody_who_answers() -> None:
    served = {declaration(handler) for handler in SERVED}
    assert {interface for interface in discover() if interface is not ServiceInterface} == served
