"""The gateway and core: whose sockets there are, and what goes on while one of the two is away."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from hive_base.clock import SystemClock
from hive_base.paths import RunPaths
from hive_gateway.accounts.accounts import Accounts
from hive_gateway.config import GatewayConfig
from hive_gateway.daemon import gateway
from hive_gateway.standin.app import StandIn
from hive_rpc.accounts import AccountKind
from hive_rpc.interface import Interface
from hive_rpc.interfaces.gateway import (
    AgentsReply,
    Errand,
    ErrandKind,
    FinishErrandRequest,
    Gateway,
    GatewayAgent,
    NewAccount,
    ReportAccountsRequest,
    ReportBackendRequest,
)
from hive_rpc.server import Peer, Server
from hive_rpc.types import Empty
from tests.support.gateway import MESSAGES, client_of


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A socket's address has room for 108 bytes, and pytest's own directories may need most of them."""
    with tempfile.TemporaryDirectory(prefix="hive-") as directory:
        yield Path(directory)


class FakeCore:
    """Core as the gateway sees it: it keeps agents' directories, and hears what answers them."""

    def __init__(self, run: RunPaths) -> None:
        self.run = run
        self.names: list[str] = []
        self.reports: asyncio.Queue[ReportBackendRequest] = asyncio.Queue()
        self.accounts: asyncio.Queue[ReportAccountsRequest] = asyncio.Queue()
        self.errands: asyncio.Queue[Errand] = asyncio.Queue()
        self.finished: asyncio.Queue[FinishErrandRequest] = asyncio.Queue()
        self.changed = asyncio.Event()
        self._server: Server | None = None

    async def start(self) -> None:
        self.run.root.mkdir(exist_ok=True)
        self._server = Server(self._handlers)
        await self._server.listen(self.run.gateway_control_socket)

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.close()

    def _handlers(self, peer: Peer) -> Sequence[Interface]:
        return [_Desk(self)]

    def directory(self, name: str) -> Path:
        return self.run.gateway_directory(name)

    def spawn(self, name: str) -> None:
        self.directory(name).mkdir(parents=True, exist_ok=True)
        self.announce(name)

    def announce(self, name: str) -> None:
        self.names.append(name)
        self._tell()

    def destroy(self, name: str) -> None:
        self.names.remove(name)
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class _Desk(Gateway):
    def __init__(self, core: FakeCore) -> None:
        self._core = core

    async def agents(self, request: Empty) -> AsyncIterator[AgentsReply]:
        while True:
            changed = self._core.changed
            yield AgentsReply(
                agents=[GatewayAgent(name=n, directory=str(self._core.directory(n))) for n in self._core.names]
            )
            await changed.wait()

    async def report_backend(self, request: ReportBackendRequest) -> Empty:
        self._core.reports.put_nowait(request)
        return Empty()

    async def report_accounts(self, request: ReportAccountsRequest) -> Empty:
        self._core.accounts.put_nowait(request)
        return Empty()

    async def errands(self, request: Empty) -> AsyncIterator[Errand]:
        while True:
            yield await self._core.errands.get()

    async def finish_errand(self, request: FinishErrandRequest) -> Empty:
        self._core.finished.put_nowait(request)
        return Empty()


class Impatient(SystemClock):
    """Does not wait the seconds that the gateway would wait between its attempts."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


class Asleep(SystemClock):
    """Never comes to what the gateway does after a while."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[FakeCore]:
    core = FakeCore(RunPaths(tmp_path / "run"))
    await core.start()
    yield core
    await core.stop()


@asynccontextmanager
async def running(
    core: FakeCore, *, drain_seconds: float = 0, clock: SystemClock | None = None
) -> AsyncIterator[Accounts]:
    settings = GatewayConfig(drain_seconds=drain_seconds)
    state = core.run.root / "state"
    async with gateway(settings, clock or Impatient(), run=core.run, state=state, stand_in=StandIn()) as accounts:
        yield accounts


async def ask(socket: Path, prompt: str) -> str:
    request = {"model": "claude-x", "messages": [{"role": "user", "content": prompt}]}
    async with client_of(socket) as client, client.post(MESSAGES, json=request) as answer:
        text: str = (await answer.json())["content"][0]["text"]
        return text


async def until(socket: Path, *, there: bool) -> None:
    while socket.exists() is not there:
        await asyncio.sleep(0.005)


async def test_an_agent_has_a_socket_as_long_as_it_is_there(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with running(core):
        await until(socket, there=True)
        assert await ask(socket, "what is 6*7?") == "6*7 = 42"
        assert socket.stat().st_mode & 0o777 == 0o666

        core.destroy("worker")
        await until(socket, there=False)


async def test_an_agent_that_goes_takes_the_answers_that_it_waits_for_along(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with running(core), client_of(socket) as client:
        await until(socket, there=True)
        request = {"stream": True, "messages": [{"role": "user", "content": "[[stand-in: silent]]"}]}
        answer = await client.post(MESSAGES, json=request)
        core.destroy("worker")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_agents_that_come_later_get_sockets_too(core: FakeCore) -> None:
    async with running(core):
        for name in ("one", "two"):
            core.spawn(name)
            await until(core.run.gateway_socket(name), there=True)

        assert await ask(core.run.gateway_socket("one"), "say x") == "x"
        assert await ask(core.run.gateway_socket("two"), "say y") == "y"


async def test_core_is_told_what_answers(core: FakeCore) -> None:
    async with running(core):
        report = await core.reports.get()

    assert report.stand_in
    assert "stand-in" in report.description


async def test_core_knows_an_account_before_it_hears_that_it_was_added(core: FakeCore) -> None:
    async with running(core, clock=Asleep()):
        await core.accounts.get()
        spare = NewAccount(name="spare", kind=AccountKind.STAND_IN)
        core.errands.put_nowait(Errand(id="errand_1", kind=ErrandKind.ADD_ACCOUNT, add_account=spare))
        assert (await core.finished.get()).error is None
        assert "spare" in [account.name for account in core.accounts.get_nowait().accounts]


async def test_while_core_is_away_the_sockets_go_on_and_afterwards_it_is_told_again(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with running(core):
        await until(socket, there=True)
        await core.reports.get()
        inode = socket.stat().st_ino

        await core.stop()
        assert await ask(socket, "say still here") == "still here"

        core.spawn("another")
        await core.start()
        await core.reports.get()
        await until(core.run.gateway_socket("another"), there=True)
        assert socket.stat().st_ino == inode


async def test_the_gateway_can_be_there_before_core(core: FakeCore) -> None:
    await core.stop()
    core.spawn("worker")
    async with running(core):
        await core.start()
        await until(core.run.gateway_socket("worker"), there=True)


async def test_a_directory_that_is_made_late_or_anew_gets_its_socket(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    async with running(core):
        core.announce("worker")
        await core.reports.get()
        socket.parent.mkdir(parents=True)
        await until(socket, there=True)

        shutil.rmtree(socket.parent)
        socket.parent.mkdir()
        await until(socket, there=True)
        assert await ask(socket, "say back") == "back"


async def test_one_agent_s_trouble_is_not_another_s(core: FakeCore) -> None:
    core.spawn("bad")
    core.run.gateway_socket("bad").mkdir()
    core.spawn("good")
    async with running(core):
        await until(core.run.gateway_socket("good"), there=True)


async def test_a_restarted_gateway_takes_the_sockets_over(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with running(core):
        await until(socket, there=True)
    assert not socket.exists()

    async with running(core):
        await until(socket, there=True)
        assert await ask(socket, "say again") == "again"


async def test_a_socket_that_a_killed_gateway_left_is_replaced(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    server = await asyncio.start_unix_server(lambda reader, writer: None, socket)
    server.close()
    socket.chmod(0o600)

    async with running(core):
        while socket.stat().st_mode & 0o777 != 0o666:
            await asyncio.sleep(0.005)
        assert await ask(socket, "say new") == "new"


async def test_a_stop_lets_the_answers_end_that_are_being_given(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with client_of(socket) as client:
        async with running(core, drain_seconds=60):
            await until(socket, there=True)
            request = {"stream": True, "messages": [{"role": "user", "content": "wait 0.2 seconds then say finished"}]}
            answer = await client.post(MESSAGES, json=request)
            assert answer.status == 200
        text = await answer.text()

    assert "message_stop" in text


async def test_a_stop_does_not_wait_longer_than_it_may(core: FakeCore) -> None:
    socket = core.run.gateway_socket("worker")
    core.spawn("worker")
    async with client_of(socket) as client:
        async with running(core, drain_seconds=0.05):
            await until(socket, there=True)
            request = {"stream": True, "messages": [{"role": "user", "content": "[[stand-in: silent]]"}]}
            answer = await client.post(MESSAGES, json=request)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
