"""A repository that an agent can write, at its worst. Each trick has a positive control: it works on an unwary git."""

import os
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hive_base.paths import StatePaths
from hive_core.configs.repositories import Repositories
from hive_rpc.errors import InvalidError
from hive_rpc.types import LATEST
from tests.support.manual_clock import ManualClock
from tests.support.sandboxes import NoWalls

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="directories get other owners")

WHO = {"GIT_AUTHOR_NAME": "m", "GIT_AUTHOR_EMAIL": "m@hive", "GIT_COMMITTER_NAME": "m", "GIT_COMMITTER_EMAIL": "m@hive"}


class Proposal:
    """`proposed/worker`, in the hands of somebody with ideas."""

    def __init__(self, root: Path, bait: Path) -> None:
        self.root = root
        self.bait = bait
        """Comes into being when a program of theirs is run."""
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str, stdin: bytes = b"") -> str:
        return subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **WHO},
            input=stdin,
            check=True,
            capture_output=True,
        ).stdout.decode(errors="replace")

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            (self.root / name.replace("_", ".")).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=a proposal")
        return self.git("rev-parse", "HEAD").strip()

    def program(self, name: str) -> Path:
        path = self.root / name
        path.write_text(f"#!/bin/sh\ntouch {self.bait}\ncat\n")
        path.chmod(0o755)
        return path

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """A commit with a tree of these (mode, id, name), which git itself would not make."""
        data = b"".join(f"{m.lstrip('0')} {n}".encode() + b"\0" + bytes.fromhex(i) for m, i, n in entries)
        return self.commit_of(self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data).strip())

    def commit_of(self, tree: str) -> str:
        return self.git("commit-tree", tree, "-m", "odd").strip()

    def blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=text.encode()).strip()


@pytest.fixture
def state(tmp_path: Path) -> StatePaths:
    state = StatePaths(tmp_path / "lib")
    for path in (state.root, state.proposed, state.applied, state.proposed / "worker"):
        path.mkdir()
    return state


@pytest.fixture
def proposal(state: StatePaths, tmp_path: Path) -> Proposal:
    return Proposal(state.proposed / "worker", tmp_path / "bait")


@pytest.fixture
def repositories(state: StatePaths) -> Repositories:
    return Repositories(NoWalls(), state, ManualClock())


async def refused(repositories: Repositories, sha: str) -> str:
    with pytest.raises(InvalidError) as raised:
        await repositories.take("worker", sha)
    return raised.value.message


async def test_an_honest_commit_is_taken_over_whole(
    proposal: Proposal, repositories: Repositories, state: StatePaths
) -> None:
    proposal.commit(agent_toml='model = "sonnet"\n')
    sha = proposal.commit(agent_toml='model = "opus"\n', agent_nix="{ }\n")
    tree = await repositories.take("worker", sha)
    assert tree.files == {"agent.toml": 'model = "opus"\n', "agent.nix": "{ }\n"}
    proposal.git(f"--git-dir={state.applied_of('worker')}", "fsck", "--full", "--strict")


async def test_what_was_taken_is_there_when_the_proposal_is_gone(
    proposal: Proposal, repositories: Repositories
) -> None:
    sha = proposal.commit(agent_toml="")
    await repositories.take("worker", sha)
    subprocess.run(["rm", "-rf", proposal.root], check=True)
    assert (await repositories.read("worker", sha)).config == ""


CONFIGURED: dict[str, Callable[[Proposal], None]] = {
    "hooks": lambda p: [p.git("config", "core.hooksPath", str(p.program("hooks").parent)), None][-1],
    "fsmonitor": lambda p: [p.git("config", "core.fsmonitor", str(p.program("watch"))), None][-1],
    "pager": lambda p: [p.git("config", "core.pager", str(p.program("page"))), None][-1],
    "external diff": lambda p: [p.git("config", "diff.external", str(p.program("compare"))), None][-1],
    "alternate refs": lambda p: [p.git("config", "core.alternateRefsCommand", str(p.program("refs"))), None][-1],
    "ssh": lambda p: [p.git("config", "core.sshCommand", str(p.program("ssh"))), None][-1],
    "include": lambda p: [p.git("config", "include.path", str(p.program("more"))), None][-1],
    "promisor": lambda p: [
        p.git("config", "core.repositoryFormatVersion", "1"),
        p.git("config", "extensions.partialClone", "evil"),
        p.git("config", "remote.evil.url", f"ext::touch {p.bait}"),
        p.git("config", "remote.evil.promisor", "true"),
        None,
    ][-1],
}


@pytest.mark.parametrize("trick", CONFIGURED.values(), ids=CONFIGURED.keys())
async def test_nothing_of_its_configuration_is_heeded(
    trick: Callable[[Proposal], None], proposal: Proposal, repositories: Repositories
) -> None:
    sha = proposal.commit(agent_toml="")
    trick(proposal)
    assert (await repositories.take("worker", sha)).files.keys() == {"agent.toml"}
    await repositories.diff("worker", None, sha)
    assert not proposal.bait.exists()


def test_control_an_unwary_git_runs_the_monitor(proposal: Proposal) -> None:
    proposal.commit(agent_toml="")
    proposal.git("config", "core.fsmonitor", str(proposal.program("watch")))
    proposal.git("status")
    assert proposal.bait.exists()


def test_control_an_unwary_git_runs_a_hook(proposal: Proposal) -> None:
    hook = proposal.program(".git/hooks/post-checkout")
    assert hook.exists()
    proposal.commit(agent_toml="")
    proposal.git("checkout", "--quiet", "-B", "other")
    assert proposal.bait.exists()


def test_control_an_unwary_git_follows_a_promisor_by_ext(proposal: Proposal) -> None:
    proposal.commit(agent_toml="")
    CONFIGURED["promisor"](proposal)
    proposal.git("config", "protocol.ext.allow", "always")
    with pytest.raises(subprocess.CalledProcessError):
        proposal.git("cat-file", "-p", "11" * 20)
    assert proposal.bait.exists()


async def test_a_hook_is_not_run(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="")
    for name in ("post-checkout", "reference-transaction", "pre-receive", "post-index-change"):
        proposal.program(f".git/hooks/{name}")
    await repositories.take("worker", sha)
    assert not proposal.bait.exists()


async def test_a_filter_is_not_run_and_its_attributes_are_refused(
    proposal: Proposal, repositories: Repositories
) -> None:
    good = proposal.commit(agent_toml="")
    proposal.git("config", "filter.evil.clean", str(proposal.program("clean")))
    proposal.git("config", "filter.evil.smudge", str(proposal.program("smudge")))
    (proposal.root / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    await repositories.take("worker", good)
    assert not proposal.bait.exists()
    (proposal.root / ".gitattributes").write_text("* filter=evil\n")
    bad = proposal.commit(agent_toml="x")
    assert proposal.bait.exists(), "control: an unwary git runs it"
    assert ".gitattributes" in await refused(repositories, bad)


@pytest.mark.parametrize("place", ["alternates", "http-alternates"])
async def test_borrowed_objects_are_refused(place: str, proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="")
    info = proposal.root / ".git/objects/info"
    info.mkdir(exist_ok=True)
    (info / place).write_text("/nowhere\n")
    assert "borrows objects" in await refused(repositories, sha)


async def test_control_borrowing_gives_an_unwary_git_objects_of_others(proposal: Proposal, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Proposal(tmp_path / "other", tmp_path / "bait")
    theirs = other.blob("a secret")
    (proposal.root / ".git/objects/info").mkdir(exist_ok=True)
    (proposal.root / ".git/objects/info/alternates").write_text(f"{other.root}/.git/objects\n")
    assert proposal.git("cat-file", "blob", theirs) == "a secret"


async def test_a_replacement_is_not_believed(proposal: Proposal, repositories: Repositories) -> None:
    shown = proposal.commit(agent_toml='model = "sonnet"')
    other = proposal.commit(agent_toml='model = "opus"')
    proposal.git("replace", shown, other)
    assert "opus" in proposal.git("show", f"{shown}:agent.toml"), "control: an unwary git believes it"
    assert (await repositories.take("worker", shown)).config == 'model = "sonnet"'


@pytest.mark.parametrize("part", [".git", ".git/objects"])
async def test_a_symlink_in_the_place_of_the_repository_is_refused(
    part: str, proposal: Proposal, repositories: Repositories, tmp_path: Path
) -> None:
    sha = proposal.commit(agent_toml="")
    (proposal.root / part).rename(tmp_path / "elsewhere")
    (proposal.root / part).symlink_to(tmp_path / "elsewhere")
    assert proposal.git("cat-file", "-t", sha).strip() == "commit", "control: an unwary git follows it"
    assert "has to be a directory" in await refused(repositories, sha)


async def test_a_git_file_that_points_elsewhere_is_refused(
    proposal: Proposal, repositories: Repositories, tmp_path: Path
) -> None:
    sha = proposal.commit(agent_toml="")
    (proposal.root / ".git").rename(tmp_path / "elsewhere")
    (proposal.root / ".git").write_text(f"gitdir: {tmp_path}/elsewhere\n")
    assert proposal.git("cat-file", "-t", sha).strip() == "commit", "control: an unwary git follows it"
    assert "has to be a directory" in await refused(repositories, sha)


async def test_a_fifo_among_the_objects_is_refused_and_not_read(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="")
    os.mkfifo(proposal.root / ".git/objects/pack/waiting.idx")
    assert "neither a file nor a directory" in await refused(repositories, sha)


@pytest.mark.parametrize(
    ("mode", "what"), [("120000", "a symbolic link"), ("160000", "a submodule")], ids=["symlink", "submodule"]
)
async def test_only_plain_files_are_taken(mode: str, what: str, proposal: Proposal, repositories: Repositories) -> None:
    link = proposal.blob("/etc/passwd") if mode == "120000" else "11" * 20
    sha = proposal.tree(("100644", proposal.blob(""), "agent.toml"), (mode, link, "extra"))
    assert what in await refused(repositories, sha)


async def test_a_submodule_s_settings_are_refused(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="", _gitmodules='[submodule "x"]\n\tpath = x\n\turl = -upayload\n')
    assert "disallowed submodule url" in await refused(repositories, sha)


@pytest.mark.parametrize("names", [("agent.toml", "Agent.toml"), ("agent.toml", "n/a", "N")], ids=str)
async def test_names_that_differ_in_case_only_are_refused(
    names: tuple[str, ...], proposal: Proposal, repositories: Repositories
) -> None:
    empty = proposal.blob("")
    inner = proposal.git("mktree", stdin=f"100644 blob {empty}\ta\n".encode()).strip()
    entries = [("40000", inner, "n") if "/" in name else ("100644", empty, name) for name in names]
    sha = proposal.tree(*sorted(entries, key=lambda e: e[2]))
    assert "differ in case only" in await refused(repositories, sha)


@pytest.mark.parametrize("name", [".GIT", "git~1", "..", ".git ", "a\u200cb", "-option", "a\nb", "con.", "ünïcode"])
async def test_a_name_that_is_none_is_refused(name: str, proposal: Proposal, repositories: Repositories) -> None:
    empty = proposal.blob("")
    sha = proposal.tree(*sorted([("100644", empty, "agent.toml"), ("100644", empty, name)], key=lambda e: e[2]))
    await refused(repositories, sha)


async def test_a_tree_without_end_is_refused(proposal: Proposal, repositories: Repositories) -> None:
    inner = proposal.git("mktree", stdin=f"100644 blob {proposal.blob('')}\tagent.toml\n".encode()).strip()
    for _ in range(20):
        lines = "".join(f"040000 tree {inner}\td{n}\n" for n in range(10))
        inner = proposal.git("mktree", stdin=lines.encode()).strip()
    message = await refused(repositories, proposal.commit_of(inner))
    assert "cannot be listed" in message


async def test_a_file_that_unpacks_to_too_much_is_refused(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="#" * 300_000)
    assert "agent.toml has 300000 bytes" in await refused(repositories, sha)


async def test_a_repository_that_is_too_big_is_refused(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="")
    with (proposal.root / ".git/objects/big").open("wb") as file:
        file.truncate(64 * 1024**2)
    assert "MiB" in await refused(repositories, sha)


async def test_objects_that_fail_the_check_are_refused(proposal: Proposal, repositories: Repositories) -> None:
    tree = proposal.git("mktree", stdin=f"100644 blob {proposal.blob('')}\tagent.toml\n".encode()).strip()
    text = f"tree {tree}\nauthor nobody <no> 1 +0000\nauthor again <no> 1 +0000\ncommitter x\n\nodd\n"
    sha = proposal.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode()).strip()
    assert "not sound" in await refused(repositories, sha)


async def test_an_object_with_another_content_than_its_id_says_is_refused(
    proposal: Proposal, repositories: Repositories
) -> None:
    sha = proposal.commit(agent_toml='model = "sonnet"\n')
    blob = proposal.git("rev-parse", f"{sha}:agent.toml").strip()
    path = proposal.root / ".git/objects" / blob[:2] / blob[2:]
    path.chmod(0o600)
    path.write_bytes(zlib.compress(b"blob 2\0{}"))
    await refused(repositories, sha)


async def test_only_a_commit_is_a_proposal(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="")
    tree = proposal.git("rev-parse", f"{sha}^{{tree}}").strip()
    assert "is a tree, not a commit" in await refused(repositories, tree)
    assert "There is no commit" in await refused(repositories, "11" * 20)


async def test_a_commit_without_agent_toml_is_none(proposal: Proposal, repositories: Repositories) -> None:
    assert "no agent.toml" in await refused(repositories, proposal.commit(readme="hello"))


async def test_an_absent_or_empty_repository_is_said_to_be_so(repositories: Repositories, state: StatePaths) -> None:
    assert "make a git repository" in await refused(repositories, "11" * 20)
    (state.proposed / "worker").rmdir()
    assert "make a git repository" in await refused(repositories, "11" * 20)


async def test_text_only(proposal: Proposal, repositories: Repositories) -> None:
    sha = proposal.commit(agent_toml="a\0b")
    assert "NUL" in await refused(repositories, sha)


@pytest.mark.parametrize("seconds", [1 << 40, (1 << 62) + 7, 1767225600])
async def test_a_commit_from_the_far_future_does_not_hide_the_history(
    repositories: Repositories, proposal: Proposal, seconds: int
) -> None:
    tree = proposal.git("rev-parse", f"{proposal.commit(agent_toml='')}^{{tree}}").strip()
    text = f"tree {tree}\nauthor m <m@hive> {seconds} +0000\ncommitter m <m@hive> {seconds} +0000\n\nlater\n"
    sha = proposal.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode()).strip()
    await repositories.take("worker", sha)
    await repositories.mark("worker", "proposal/1", sha, "proposed")
    await repositories.move("worker", sha)
    (commit,) = await repositories.log("worker")
    assert (commit.sha, commit.subject, commit.tags) == (sha, "later", ["proposal/1"])
    assert int(commit.at.timestamp()) == min(seconds, int(LATEST.timestamp()) - 1)
