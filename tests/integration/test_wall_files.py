"""What an agent can leave in its directories to make root read or do something else. Each with its positive control."""

import asyncio
import base64
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_base.paths import StatePaths
from hive_core.files import Files, files
from hive_rpc.errors import HiveError, InvalidError, NotFoundError, TooLargeError
from hive_rpc.interfaces.operator.files import FileKind
from tests.support.bad_requests import PATHS

SECRET = "the other one's secret"


@pytest.fixture
def state(tmp_path: Path) -> StatePaths:
    paths = StatePaths(tmp_path / "hive")
    for agent in ("worker", "worker2"):
        for corner in files.CORNERS.values():
            corner(paths, agent).mkdir(parents=True)
    paths.harness("worker").mkdir()
    (paths.harness("worker") / "spool").write_text(SECRET)
    (paths.state("worker") / "notes.md").write_text("my notes")
    (paths.state("worker2") / "notes.md").write_text(SECRET)
    return paths


@pytest.fixture
def mine(state: StatePaths) -> Path:
    return state.state("worker")


@pytest.fixture
def reader(state: StatePaths) -> Files:
    return Files(state)


async def text(reader: Files, path: str) -> str:
    return base64.b64decode((await reader.read("worker", path)).data).decode()


async def names(reader: Files, path: str) -> list[str]:
    return [entry.name for entry in (await reader.page("worker", path)).entries]


async def refused(reader: Files, path: str) -> str:
    """What somebody is told who asks for this path, to read it and to list it."""
    said = []
    for ask in (reader.read, reader.page):
        with pytest.raises((InvalidError, NotFoundError, TooLargeError)) as error:
            await ask("worker", path)
        said.append(error.value.sentence())
    return " ".join(said)


async def test_what_is_there_can_be_listed_and_read(reader: Files, mine: Path) -> None:
    (mine / "sub").mkdir()
    (mine / "sub" / "deep.txt").write_text("deep")
    assert await names(reader, "") == ["claude", "shared", "state"]
    assert await names(reader, "state") == ["notes.md", "sub"]
    assert await text(reader, "state/notes.md") == "my notes"
    assert await text(reader, "state/sub/deep.txt") == "deep"


async def test_a_file_is_read_a_piece_at_a_time(reader: Files) -> None:
    piece = await reader.read("worker", "state/notes.md", offset=3, limit=2)
    assert (base64.b64decode(piece.data), piece.offset, piece.size) == (b"no", 3, 8)
    for offset in (8, 10**18):
        assert (await reader.read("worker", "state/notes.md", offset=offset)).data == ""


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:40])
async def test_a_path_that_no_listing_gives_gets_nothing(reader: Files, path: str) -> None:
    said = await refused(reader, path)
    assert SECRET not in said
    assert "passwd" not in said
    assert "/" not in said, "no path is in an error"


def test_there_are_enough_of_them() -> None:
    assert len(set(PATHS)) >= 60


@pytest.mark.parametrize(
    "target",
    ["../../worker2/state/notes.md", "/etc/passwd", "notes.md", "/proc/self/environ", "loop", "{absolute}"],
)
async def test_a_symlink_is_seen_and_not_followed(reader: Files, mine: Path, target: str) -> None:
    (mine / "loop").symlink_to(target.format(absolute=mine / "notes.md"))
    await refused(reader, "state/loop")
    entries = {entry.name: entry for entry in (await reader.page("worker", "state")).entries}
    assert (entries["loop"].kind, entries["loop"].readable) == (FileKind.LINK, False)
    assert entries["notes.md"].readable


async def test_a_directory_that_is_a_symlink_leads_nowhere(reader: Files, mine: Path, state: StatePaths) -> None:
    (mine / "away").symlink_to(state.state("worker2"))
    await refused(reader, "state/away/notes.md")
    (mine / "here").mkdir()
    (mine / "here" / "notes.md").write_text("control")
    assert await text(reader, "state/here/notes.md") == "control"


async def test_a_corner_that_became_a_symlink_leads_nowhere(reader: Files, mine: Path, state: StatePaths) -> None:
    (mine / "notes.md").unlink()
    mine.rmdir()
    mine.symlink_to(state.state("worker2"))
    await refused(reader, "state/notes.md")
    with pytest.raises(NotFoundError):
        await reader.page("worker", "state")


async def test_a_second_name_of_somebody_elses_file_is_not_opened(reader: Files, mine: Path, state: StatePaths) -> None:
    os.link(state.state("worker2") / "notes.md", mine / "linked.md")
    await refused(reader, "state/linked.md")
    entry = next(e for e in (await reader.page("worker", "state")).entries if e.name == "linked.md")
    assert not entry.readable
    (state.state("worker2") / "notes.md").unlink()
    assert await text(reader, "state/linked.md") == SECRET, "now it is the only name, and its own"


async def test_a_fifo_is_not_waited_for(reader: Files, mine: Path) -> None:
    os.mkfifo(mine / "pipe")
    async with asyncio.timeout(5):
        await refused(reader, "state/pipe")
    assert (await reader.page("worker", "state")).entries[1].kind is FileKind.OTHER


async def test_a_socket_is_not_opened(reader: Files, mine: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(mine / "s"))
        await refused(reader, "state/s")


@pytest.mark.skipif(os.geteuid() != 0, reason="devices need root")
@pytest.mark.parametrize("device", [(1, 5), (1, 3), (5, 0), (10, 130)], ids=["zero", "null", "tty", "watchdog"])
async def test_a_device_is_not_opened(reader: Files, mine: Path, device: tuple[int, int]) -> None:
    os.mknod(mine / "device", 0o020666, os.makedev(*device))
    await refused(reader, "state/device")


async def test_a_magic_link_of_proc_leads_nowhere(reader: Files, mine: Path) -> None:
    (mine / "root").symlink_to("/proc/self/root")
    (mine / "fd").symlink_to("/proc/self/fd/0")
    for path in ("state/root/etc/passwd", "state/root", "state/fd"):
        await refused(reader, path)


async def test_a_directory_is_not_a_file_nor_a_file_a_directory(reader: Files, mine: Path) -> None:
    (mine / "sub").mkdir()
    with pytest.raises(NotFoundError):
        await reader.read("worker", "state/sub")
    with pytest.raises(NotFoundError):
        await reader.read("worker", "state")
    with pytest.raises(NotFoundError):
        await reader.page("worker", "state/notes.md")


async def test_a_file_that_is_swapped_for_a_link_again_and_again_never_leads_out(
    reader: Files, mine: Path, state: StatePaths
) -> None:
    """The race that a check before the opening would lose."""
    (mine / "good").mkdir()
    (mine / "good" / "notes.md").write_text("mine")
    (mine / "evil").symlink_to(state.state("worker2"))
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for source in ("good", "evil"):
                os.rename(mine / source, mine / "now")
                os.rename(mine / "now", mine / source)

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes = []
    try:
        for _ in range(1500):
            try:
                outcomes.append(await text(reader, "state/now/notes.md"))
            except HiveError:
                outcomes.append("refused")
    finally:
        stop.set()
        thread.join()
    assert set(outcomes) <= {"mine", "refused"}
    assert (mine / "evil" / "notes.md").read_text() == SECRET, "whoever follows it gets there"


async def test_names_that_are_not_utf8_are_shown_and_cannot_be_asked_for(reader: Files, mine: Path) -> None:
    with open(os.fsencode(mine) + b"/\xff\xfe<b>", "wb") as file:
        file.write(b"x")
    entry = (await reader.page("worker", "state")).entries[0]
    assert (entry.name, entry.readable) == (r"\xff\xfe<b>", False)
    entry.model_dump_json()
    await refused(reader, f"state/{entry.name}")


async def test_names_that_could_do_harm_on_a_page_are_only_names(reader: Files, mine: Path) -> None:
    hostile = ["<script>alert(1)<", "\x1b[31mred", "a\nb", "\u202egnp.exe", "-rf", "a b", "%2e%2e", "'\"`"]
    for name in hostile:
        (mine / name).write_text("content")
    assert set(hostile) < set(await names(reader, "state"))
    for name in hostile:
        assert await text(reader, f"state/{name}") == "content"


async def test_a_huge_directory_is_listed_in_pages_and_to_a_limit(
    reader: Files, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = mine / "crowd"
    crowd.mkdir()
    descriptor = os.open(crowd, os.O_RDONLY)
    for number in range(100_000):
        os.mknod(f"{number:06}", 0o100600, dir_fd=descriptor)
    os.close(descriptor)
    async with asyncio.timeout(20):
        page = await reader.page("worker", "state/crowd", limit=10**9)
    assert (len(page.entries), page.truncated) == (files.MAX_PAGE, True)
    assert len(page.model_dump_json()) < 512 * 1024
    following = await reader.page("worker", "state/crowd", after=page.cursor)
    assert following.entries[0].name > page.entries[-1].name


async def test_every_name_is_on_exactly_one_page(reader: Files, mine: Path) -> None:
    wanted = sorted(["notes.md", *(f"n{number:02}" for number in range(25))])
    for name in wanted:
        (mine / name).touch()
    seen: list[str] = []
    cursor = None
    while True:
        page = await reader.page("worker", "state", after=cursor, limit=7)
        seen += [entry.name for entry in page.entries]
        if (cursor := page.cursor) is None:
            break
    assert seen == wanted


async def test_a_file_of_many_gigabytes_is_refused_and_costs_nothing(reader: Files, mine: Path) -> None:
    os.truncate(mine / "notes.md", 10 * 1024**3)
    with pytest.raises(TooLargeError):
        await reader.read("worker", "state/notes.md")
    os.truncate(mine / "notes.md", files.MAX_SIZE)
    assert len(base64.b64decode((await reader.read("worker", "state/notes.md", limit=10**12)).data)) == files.MAX_READ


async def test_a_file_time_from_another_age_is_no_error(reader: Files, mine: Path) -> None:
    os.utime(mine / "notes.md", (-(2**40), 2**33))
    entry = (await reader.page("worker", "state")).entries[0]
    entry.model_dump_json()


@pytest.fixture(autouse=True)
def no_descriptor_is_lost() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before + 1, "the loop of the next test may be open already"
