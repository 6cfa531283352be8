"""Random interleavings of everything that can happen to a message, against a plain model of the queue."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from hive_core.broker import Broker, DeadLetters, History, Policy
from hive_core.operators import Actor
from hive_core.rates import Rate
from hive_core.store import Database
from hive_rpc.errors import InboxFullError, InstanceReplacedError
from hive_rpc.types import EVERYONE
from tests.support.manual_clock import ManualClock

T = TypeVar("T")
AGENTS = ("a", "b", "c")
LEASE = 100
MAX_ATTEMPTS = 3
MAX_UNREAD = 3
ROOT = Actor("root", "operator.sock")
agents = st.sampled_from(AGENTS)


@dataclass
class Item:
    """A message as the model knows it."""

    id: str
    sender: str
    recipient: str
    body: str
    state: str = "ready"
    attempts: int = 0
    handed_out: bool = False
    holder: str | None = None
    expires: float = 0

    def give_back(self, *, keep_holder: bool) -> None:
        self.attempts += 1
        self.handed_out = True
        self.state = "dead" if self.attempts >= MAX_ATTEMPTS else "ready"
        if not keep_holder:
            self.holder = None


class Queue(RuleBasedStateMachine):
    """The model decides; the broker has to agree."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory(prefix="broker-model-")
        self.clock = ManualClock()
        self.items: list[Item] = []
        self.keys: dict[tuple[str, str], str] = {}
        self.instances: dict[str, int] = dict.fromkeys(AGENTS, 0)
        self.gone: set[str] = set(AGENTS)
        """Agents whose container has died, or which have not begun: no instance is current."""
        self.has: dict[str, set[str]] = {agent: set() for agent in AGENTS}
        """What each agent's harness has got and not settled, as far as it knows."""
        self.count = 0
        self.open()
        for agent in AGENTS:
            self.new_instance(agent)
            for sender in AGENTS:
                # Otherwise most runs end before there is much to hand out.
                self.send(sender, agent, None)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.database.close())
            self.runner.close()
            self.directory.cleanup()

    def open(self) -> None:
        self.database = Database(Path(self.directory.name) / "core.sqlite", "core")
        self.run(self.database.open())
        policy = Policy(lease_seconds=LEASE, max_attempts=MAX_ATTEMPTS, send_rate=Rate(1e9, 1e9), max_unread=MAX_UNREAD)
        self.broker = Broker(self.database, self.clock, lambda: set(AGENTS), policy=policy)
        self.dead_letters = DeadLetters(self.database, self.clock, self.broker.wake)
        self.run(self.broker.start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def instance(self, agent: str) -> str:
        return f"{agent}-{self.instances[agent]}"

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def of(self, agent: str, state: str) -> list[Item]:
        return [i for i in self.items if i.recipient == agent and i.state == state]

    @rule(sender=agents, to=agents, key=st.none() | st.sampled_from("xyz"))
    def send(self, sender: str, to: str, key: str | None) -> None:
        self.count += 1
        body = f"message {self.count}"
        if self.is_refused(sender, [to], key):
            with pytest.raises(InboxFullError):
                self.run(self.broker.send(sender, to, body, key=key))
            return
        sent = self.run(self.broker.send(sender, to, body, key=key))
        if key is not None and (sender, key) in self.keys:
            assert sent == self.keys[sender, key]
            return
        if key is not None:
            self.keys[sender, key] = sent
        self.items.append(Item(sent, sender, to, body))

    @rule(sender=agents, key=st.none() | st.sampled_from("xyz"))
    def broadcast(self, sender: str, key: str | None) -> None:
        self.count += 1
        body = f"broadcast {self.count}"
        if self.is_refused(sender, [a for a in AGENTS if a != sender], key):
            with pytest.raises(InboxFullError):
                self.run(self.broker.send(sender, EVERYONE, body, key=key))
            return
        sent = self.run(self.broker.send(sender, EVERYONE, body, key=key))
        if key is not None:
            if (sender, key) in self.keys:
                assert sent == self.keys[sender, key]
                return
            self.keys[sender, key] = sent
        page = self.run(History(self.database).page(limit=len(AGENTS) - 1)).messages
        assert {(m.recipient, m.body) for m in page} == {(a, body) for a in AGENTS if a != sender}
        self.items += [Item(m.id, sender, m.recipient, body) for m in page]

    def is_refused(self, sender: str, recipients: list[str], key: str | None) -> bool:
        """Whether an inbox is full, for what was not sent before."""
        if key is not None and (sender, key) in self.keys:
            return False
        waiting = [[i for i in self.of(r, "ready") if i.sender == sender] for r in recipients]
        return any(len(items) >= MAX_UNREAD for items in waiting)

    @rule(agent=agents, limit=st.integers(1, 4))
    def receive(self, agent: str, limit: int) -> None:
        self.take(agent, limit, says_what_it_has=False, arrives=True)

    @rule(agent=agents, limit=st.integers(1, 4))
    def receive_saying_what_one_has(self, agent: str, limit: int) -> None:
        self.take(agent, limit, says_what_it_has=True, arrives=True)

    @rule(agent=agents, limit=st.integers(1, 4), says_what_it_has=st.booleans())
    def a_reply_is_lost(self, agent: str, limit: int, says_what_it_has: bool) -> None:
        """Core dies, or the line breaks, when the lease is on the disk and the harness does not know of it."""
        self.take(agent, limit, says_what_it_has=says_what_it_has, arrives=False)

    @rule(agent=agents, limit=st.integers(1, 4))
    def a_lease_runs_out_while_it_is_worked_on(self, agent: str, limit: int) -> None:
        self.take(agent, limit, says_what_it_has=True, arrives=True)
        self.run(self.clock.advance(LEASE))
        self.take(agent, limit, says_what_it_has=True, arrives=True)

    def take(self, agent: str, limit: int, *, says_what_it_has: bool, arrives: bool) -> None:
        if agent in self.gone:
            with pytest.raises(InstanceReplacedError):
                self.run(self.broker.receive(agent, self.instance(agent)))
            return
        self.expire(agent)
        instance = self.instance(agent)
        held = self.has[agent] if says_what_it_has else None
        expected = self.of(agent, "ready")
        if held is not None:
            for item in [i for i in expected if i.id in held and i.holder == instance]:
                item.state, item.expires = "leased", self.now + LEASE
            lost = [i for i in self.of(agent, "leased") if i.id not in held]
            expected = [i for i in self.items if i in lost or i in self.of(agent, "ready")]
        expected = expected[:limit]
        messages = self.run(self.broker.receive(agent, instance, limit=limit, held=held))
        assert [(m.id, m.sender, m.body, m.attempts, m.redelivered) for m in messages] == [
            (i.id, i.sender, i.body, i.attempts, i.handed_out) for i in expected
        ]
        if held is not None:
            assert not {m.id for m in messages if self.item(m.id).holder == instance} & held, "it has that already"
        for item in expected:
            item.state = "leased"
            item.holder, item.expires = instance, self.now + LEASE
        if arrives:
            self.has[agent] |= {m.id for m in messages}

    def item(self, message_id: str) -> Item:
        return next(i for i in self.items if i.id == message_id)

    def expire(self, agent: str) -> None:
        for item in self.of(agent, "leased"):
            if item.expires <= self.now:
                item.give_back(keep_holder=True)

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        agent, chosen = self.some(data)
        if agent in self.gone:
            return
        reply = self.run(self.broker.renew(agent, self.instance(agent), [i.id for i in chosen]))
        held = [i for i in chosen if i.recipient == agent and i.state == "leased"]
        assert reply.renewed == [i.id for i in held]
        for item in held:
            item.expires = self.now + LEASE

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        agent, chosen = self.some(data)
        if agent in self.gone:
            return
        acked = self.run(self.broker.ack(agent, self.instance(agent), [i.id for i in chosen]))
        instance = self.instance(agent)
        due = [i for i in chosen if i.recipient == agent and (i.state == "done" or i.holder == instance)]
        assert acked == [i.id for i in due]
        for item in due:
            item.state = "done"
        self.has[agent] -= {i.id for i in chosen}

    @rule(data=st.data())
    def nack(self, data: st.DataObject) -> None:
        agent, chosen = self.some(data)
        if agent in self.gone:
            return
        self.run(self.broker.nack(agent, self.instance(agent), [i.id for i in chosen], "no"))
        for item in chosen:
            if item.recipient == agent and item.state == "leased":
                item.give_back(keep_holder=False)
        self.has[agent] -= {i.id for i in chosen}

    @rule(seconds=st.sampled_from([1, LEASE // 2, LEASE]), sweep=st.booleans())
    def time_passes(self, seconds: int, sweep: bool) -> None:
        self.run(self.clock.advance(seconds))
        if sweep:
            self.run(self.broker.expire())
            for agent in AGENTS:
                self.expire(agent)

    @rule(agent=agents)
    def new_instance(self, agent: str) -> None:
        self.instances[agent] += 1
        self.gone.discard(agent)
        self.run(self.broker.hello(agent, self.instance(agent)))
        self.release(agent)

    @rule(agent=agents)
    def container_dies(self, agent: str) -> None:
        self.run(self.broker.container_died(agent))
        self.gone.add(agent)
        self.release(agent)

    def release(self, agent: str) -> None:
        self.has[agent].clear()
        for item in self.of(agent, "leased"):
            item.give_back(keep_holder=False)
        for item in self.items:
            if item.recipient == agent:
                item.holder = None

    @rule(agent=agents)
    def an_old_instance_calls(self, agent: str) -> None:
        if self.instances[agent] > 1:
            with pytest.raises(InstanceReplacedError):
                self.run(self.broker.receive(agent, f"{agent}-{self.instances[agent] - 1}"))

    @rule()
    def dead_letters_are_sent_again(self) -> None:
        dead = [i for i in self.items if i.state == "dead"]
        page = self.run(self.dead_letters.page(limit=200)).letters
        assert [d.message.id for d in reversed(page)] == [i.id for i in dead]
        assert self.run(self.dead_letters.resend(ROOT, None)) == len(dead)
        for item in dead:
            item.state, item.attempts, item.holder = "ready", 0, None

    @rule()
    def a_dead_letter_is_dropped(self) -> None:
        dead = [i for i in self.items if i.state == "dead"][:1]
        if dead:
            assert self.run(self.dead_letters.drop(ROOT, [dead[0].id])) == 1
            dead[0].state = "done"

    @rule()
    def core_restarts(self) -> None:
        self.run(self.database.close())
        self.open()
        for item in self.items:
            if item.state == "leased":
                item.expires = self.now + LEASE

    @invariant()
    def what_waits_is_counted(self) -> None:
        if hasattr(self, "broker"):
            counts = {a: n for a in AGENTS if (n := len(self.of(a, "ready")))}
            assert self.run(self.broker.unread_counts()) == counts

    def some(self, data: st.DataObject) -> tuple[str, list[Item]]:
        """An agent and a few messages: its own that are not settled, a foreign one, perhaps one of them twice."""
        agent = data.draw(st.sampled_from(sorted({i.recipient for i in self.items if i.holder} or set(AGENTS))))
        own = [i for i in self.items if i.recipient == agent]
        open_ones = [i for i in own if i.holder and i.state != "done"] or own
        pick = data.draw(st.integers(0, len(open_ones) - 1)) if open_ones else 0
        foreign = [i for i in self.items if i.recipient != agent][-1:]
        return agent, open_ones[pick : pick + 3] + foreign + own[:1]


def test_the_broker_agrees_with_the_model() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Queue,
        settings=settings(
            max_examples=120, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
