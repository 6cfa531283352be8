"""A Varlink client that nobody here wrote finds its way around the live core."""

import asyncio
from typing import Any

import pytest
import varlink

from hive_rpc.interface import methods
from hive_rpc.interfaces.agent import Agent
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.session import Session
from tests.support.hive_host import Hive
from tests.support.varlink_client import explore, opened


async def test_it_finds_out_what_each_socket_serves(hive: Hive) -> None:
    paths = hive.run_paths
    served = {
        paths.operator_socket: {Operator},
        paths.web_socket: {Operator, Session},
        paths.core_socket("worker"): {Agent},
    }
    for path, interfaces in served.items():
        found = await asyncio.to_thread(explore, path)
        assert set(found) == {"org.varlink.service", "org.hive", *(i.varlink_name for i in interfaces)}
        for interface in interfaces:
            described = found[interface.varlink_name]
            assert all(described.get_method(name) for name in methods(interface))


async def test_it_sends_a_message_and_reads_the_agents_answer(hive: Hive) -> None:
    def use() -> Any:
        with opened(hive.run_paths.operator_socket, Operator.varlink_name) as operator:
            sent = operator.Send(to="worker", body="what is 6*7?")
            return operator.AwaitReply(id=sent["id"], wait_seconds=60)["reply"]

    reply = await asyncio.to_thread(use)
    assert reply["sender"] == "worker"
    assert "42" in reply["body"]


async def test_what_is_not_on_a_socket_does_not_exist_there(hive: Hive) -> None:
    def use() -> Any:
        with opened(hive.run_paths.core_socket("worker"), Operator.varlink_name) as operator:
            return operator.Status()

    with pytest.raises(varlink.InterfaceNotFound):
        await asyncio.to_thread(use)
