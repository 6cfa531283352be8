"""The dashboard's look at the hive, kept up to date by what commits touch: never other than what core says when asked.

On a real core: each thing is done by a call, and looked at by somebody who has looked before.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive_base.clock import SystemClock
from hive_core.events.rows import record, store
from hive_core.store import to_ms
from hive_rpc.accounts import Account, AccountKind, Caps, Hold, HoldKind, Scope
from hive_rpc.client import Client, connect
from hive_rpc.commands import AgentCommandKind
from hive_rpc.errors import InvalidError, NotSignedInError
from hive_rpc.interfaces.agent import (
    Agent,
    AskRequest,
    HelloRequest,
    IdsRequest,
    NackRequest,
    PushEventsRequest,
    ReceiveRequest,
    RemindRequest,
    ReportStateRequest,
    SendRequest,
    SetStatusRequest,
)
from hive_rpc.interfaces.gateway import Gateway, ReportAccountsRequest, ReportBackendRequest
from hive_rpc.interfaces.operator import Operator
from hive_rpc.interfaces.operator.approvals import ApprovalsRequest
from hive_rpc.interfaces.operator.dialogue import AnswerQuestionRequest, QuestionsRequest
from hive_rpc.interfaces.operator.jobs import JobsRequest
from hive_rpc.interfaces.operator.lives import CommandAgentRequest
from hive_rpc.interfaces.operator.look import LookRequest
from hive_rpc.interfaces.operator.messages import (
    DeadLettersChoice,
    DeadLettersRequest,
    MessagesRequest,
    OperatorSendRequest,
)
from hive_rpc.interfaces.operator.people import InviteRequest
from hive_rpc.interfaces.operator.request import AgentRequest, OperatorRequest
from hive_rpc.interfaces.operator.spending import SetCapsRequest
from hive_rpc.interfaces.session import RedeemRequest, Session, SessionRequest
from hive_rpc.types import OPERATOR, AgentState, Event, EventKind, Role, Turn, TurnOutcome, Usage
from hive_web.look import Look
from hive_web.mirror import Mirror
from tests.support.core_process import core_process


@dataclass
class Hive:
    operator: Operator
    web: Client
    ada: Agent
    bob: Agent
    gateway: Gateway
    token: str
    mirror: Mirror
    database: Path
    """Of events."""

    async def look(self) -> Look:
        """As somebody who has looked before."""
        return (await self.mirror.look(self.operator, ""))[1]


@asynccontextmanager
async def hive(tmp_path: Path) -> AsyncIterator[Hive]:
    async with core_process(tmp_path, ["ada", "bob"]) as core:
        await core.start()
        async with (
            connect(core.run.operator_socket) as shell,
            connect(core.run.web_socket) as web,
            connect(core.run.core_socket("ada")) as ada,
            connect(core.run.core_socket("bob")) as bob,
            connect(core.run.gateway_control_socket) as gateway,
        ):
            operator = shell.proxy(Operator)
            invite = await operator.invite(InviteRequest(name="vic", role=Role.VIEWER))
            token = (await web.proxy(Session).redeem(RedeemRequest(token=invite.token))).session
            for line in (ada, bob):
                await line.proxy(Agent).hello(HelloRequest(instance="one"))
            yield Hive(
                operator,
                web,
                ada.proxy(Agent),
                bob.proxy(Agent),
                gateway.proxy(Gateway),
                token,
                mirror(),
                core.state.events_database,
            )


def mirror() -> Mirror:
    return Mirror(SystemClock())


async def check(site: Hive) -> Look:
    """What is kept is what core says when it is asked for each thing."""
    look, whole = await site.look(), (await mirror().look(site.operator, ""))[1]
    asked = OperatorRequest()
    status = await site.operator.status(asked)
    assert look.agents == status.agents
    assert look.hive == status.hive
    assert look.cursor <= status.cursor
    assert list(look.today.values()) == (await site.operator.today(asked)).agents
    approvals = (await site.operator.approvals(ApprovalsRequest())).approvals
    assert [a.id for a in look.approvals] == [a.id for a in approvals if not a.state.ended]
    jobs = (await site.operator.jobs(JobsRequest())).jobs
    assert list(look.jobs) == [job for job in jobs if not job.state.ended]
    questions = (await site.operator.questions(QuestionsRequest(addressee=OPERATOR))).questions
    assert [q.id for q in look.questions] == [q.id for q in questions]
    letters = (await site.operator.dead_letters(DeadLettersRequest())).letters
    assert [letter.message.id for letter in look.letters] == [letter.message.id for letter in letters]
    messages = (await site.operator.messages(MessagesRequest(limit=100))).messages
    assert [(m.id, m.body) for m in look.messages] == [(m.id, m.body[:1000]) for m in messages]
    for name in ("hive", "agents", "today", "approvals", "questions", "letters", "holds", "messages"):
        assert getattr(look, name) == getattr(whole, name), name
    return look


async def test_whatever_happens_the_next_look_shows_it(tmp_path: Path) -> None:
    async with hive(tmp_path) as site:
        await check(site)
        now = SystemClock().now()
        turn = Turn(id="t", started_at=now)
        ended = turn.model_copy(update={"ended_at": now, "outcome": TurnOutcome.OK, "cost_usd": 1.5, "model": "m"})

        def told(sequence: int, kind: EventKind, turn: Turn) -> PushEventsRequest:
            return PushEventsRequest(events=[Event(kind=kind, at=now, sequence=sequence, turn_id="t", turn=turn)])

        asked: list[str] = []
        cap = Hold(kind=HoldKind.CAP, scope=Scope.HIVE, reason="spent")

        async def ask() -> None:
            asked.append((await site.ada.ask(AskRequest(question="Which?" * 300))).question.id)

        async def give_up() -> None:
            for _ in range(20):
                got = await site.bob.receive(ReceiveRequest(wait_seconds=0, max=1))
                if not got.messages:
                    return
                await site.bob.nack(NackRequest(ids=[m.id for m in got.messages], reason="cannot"))

        async def acknowledge() -> None:
            got = await site.ada.receive(ReceiveRequest(wait_seconds=0, max=10))
            await site.ada.ack(IdsRequest(ids=[m.id for m in got.messages]))

        steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("an operator says something", lambda: site.operator.send(OperatorSendRequest(to="ada", body="x" * 5000))),
            ("an agent says something", lambda: site.ada.send(SendRequest(to="bob", body="hello"))),
            ("an agent takes what it was told", acknowledge),
            ("an agent thinks", lambda: site.ada.report_state(ReportStateRequest(state=AgentState.THINKING))),
            ("a turn begins", lambda: site.ada.push_events(told(1, EventKind.TURN_STARTED, turn))),
            ("a turn ends", lambda: site.ada.push_events(told(2, EventKind.TURN_ENDED, ended))),
            ("an agent says how it is", lambda: site.ada.set_status(SetStatusRequest(text="busy"))),
            ("an agent takes that back", lambda: site.ada.set_status(SetStatusRequest(text=""))),
            ("an agent asks", ask),
            ("it is answered", lambda: site.operator.answer_question(AnswerQuestionRequest(id=asked[0], answer="a"))),
            ("a message is given up", give_up),
            ("it is settled", lambda: site.operator.drop_dead_letters(DeadLettersChoice(all=True))),
            (
                "another model is wanted",
                lambda: site.operator.command_agent(
                    CommandAgentRequest(name="ada", kind=AgentCommandKind.PAUSE, value=None)
                ),
            ),
            (
                "the gateway comes",
                lambda: site.gateway.report_backend(ReportBackendRequest(stand_in=True, description="x")),
            ),
            ("a cap is reached", lambda: site.gateway.report_accounts(ReportAccountsRequest(accounts=[], holds=[cap]))),
            ("an agent stops", lambda: site.operator.stop(AgentRequest(name="bob"))),
        ]
        changed = 0
        for what, step in steps:
            before = await site.look()
            await step()
            try:
                after = await check(site)
            except AssertionError as error:
                raise AssertionError(what) from error
            changed += after.version != before.version
        assert changed >= len(steps) / 2, "most of them show"


async def test_the_cursor_is_not_ahead_of_what_histories_are_known_to_have(tmp_path: Path) -> None:
    """Or a page, between an event's commit and the word of it, gets a history without it, and follows after it."""
    async with hive(tmp_path) as site:
        await site.look()
        now = SystemClock().now()
        turn = Turn(id="t", started_at=now, ended_at=now, outcome=TurnOutcome.OK)
        ended = Event(kind=EventKind.TURN_ENDED, at=now, sequence=1, turn_id="t", turn=turn)
        await site.ada.push_events(PushEventsRequest(events=[ended]))
        told = (await site.operator.status(OperatorRequest())).cursor
        with closing(sqlite3.connect(site.database)) as database, database:
            database.row_factory = sqlite3.Row
            store(database, None, [record("bob", Event(kind=EventKind.NOTICE, at=now, text="x"))], to_ms(now))
        assert (await site.operator.status(OperatorRequest())).cursor == told + 1
        assert (await site.look()).cursor == told


async def test_what_a_look_does_not_show_has_versions(tmp_path: Path) -> None:
    """Each of these changes what its pages show, and nothing else's."""
    async with hive(tmp_path) as site:
        invited: list[str] = []
        account = Account(name="default", kind=AccountKind.API_KEY)

        async def invite() -> None:
            invited.append((await site.operator.invite(InviteRequest(name="eve", role=Role.VIEWER))).token)

        steps: list[tuple[Callable[[], Awaitable[object]], set[str]]] = [
            (lambda: site.operator.status(OperatorRequest()), set()),
            (lambda: site.operator.look(LookRequest()), set()),
            (lambda: site.ada.send(SendRequest(to="bob", body="hello")), set()),
            (lambda: site.ada.ask(AskRequest(question="Which?")), {"questions"}),
            (lambda: site.ada.remind(RemindRequest(message="look", in_seconds=3600)), {"reminders"}),
            (lambda: site.operator.send(OperatorSendRequest(to="ada", body="x")), {"audit"}),
            (invite, {"audit", "people"}),
            (lambda: site.web.proxy(Session).redeem(RedeemRequest(token=invited[0])), {"audit", "people"}),
            (
                lambda: site.operator.set_caps(SetCapsRequest(scope=Scope.HIVE, caps=Caps(daily_usd=5))),
                {"audit", "accounts", "caps"},
            ),
            (
                lambda: site.gateway.report_accounts(ReportAccountsRequest(accounts=[account], holds=[])),
                {"accounts"},
            ),
            (lambda: site.gateway.report_accounts(ReportAccountsRequest(accounts=[account], holds=[])), set()),
        ]
        for number, (step, changed) in enumerate(steps):
            before = (await site.operator.look(LookRequest())).versions
            await step()
            after = (await site.operator.look(LookRequest())).versions
            assert {name for name in before.model_fields_set if getattr(before, name) != getattr(after, name)} == (
                changed
            ), number


async def test_only_what_changed_is_told(tmp_path: Path) -> None:
    async with hive(tmp_path) as site:
        first = await site.operator.look(LookRequest())
        assert first.complete
        same = await site.operator.look(LookRequest(known=first.version))
        assert (same.items, same.keys, same.complete) == ([], [], False)
        await site.operator.send(OperatorSendRequest(to="ada", body="hi"))
        told = await site.operator.look(LookRequest(known=first.version))
        assert sorted((item.kind.value, item.key) for item in told.items if item.kind.value != "message") == [
            ("agent", "ada")
        ]
        assert [keys.kind.value for keys in told.keys] == ["message"]
        for unknown in ("", "x", "run_0 3", f"{first.version} ", first.version.split()[0] + " -1", "\u00b2 \u00b2"):
            assert (await site.operator.look(LookRequest(known=unknown))).complete


async def test_what_does_not_fit_into_one_answer_comes_in_several(tmp_path: Path) -> None:
    async with hive(tmp_path) as site:
        for _ in range(30):
            for agent in (site.ada, site.bob):
                await agent.send(SendRequest(to="ada", body="\u0001" * 1000))
        for agent in (site.ada, site.bob):
            for _ in range(8):
                await agent.ask(AskRequest(question="\u0001" * 2000))
        look = await check(site)
        assert len(look.messages) >= 60


@pytest.mark.parametrize(
    "forged",
    [
        {"cost_usd": 1e308},
        {"context_tokens": 10**30},
        {"tools": {"Bash": 10**18}},
        {"usage": Usage().model_copy(update={"input_tokens": 10**30})},
    ],
)
async def test_no_number_that_an_agent_says_keeps_the_page_from_everybody(
    tmp_path: Path, forged: dict[str, object]
) -> None:
    """Each of two such costs is a number, and their sum is none in JSON; the others are too large for SQLite."""
    async with hive(tmp_path) as site:
        for number in (1, 2):
            turn = Turn(id=f"turn_{number}", started_at=SystemClock().now(), outcome=TurnOutcome.OK)
            event = Event(kind=EventKind.TURN_ENDED, at=turn.started_at, sequence=number)
            # What is copied is not checked at this end.
            event = event.model_copy(update={"turn": turn.model_copy(update=forged)})
            with pytest.raises(InvalidError):
                await site.ada.push_events(PushEventsRequest(events=[event]))
        await check(site)


async def test_a_session_that_is_over_learns_nothing_more(tmp_path: Path) -> None:
    async with hive(tmp_path) as site:
        web = site.web.proxy(Operator)
        known = (await web.look(LookRequest(session=site.token))).version
        await site.web.proxy(Session).sign_out(SessionRequest(session=site.token))
        for session in (site.token, None, "", "forged"):
            with pytest.raises(NotSignedInError):
                await web.look(LookRequest(session=session, known=known))
