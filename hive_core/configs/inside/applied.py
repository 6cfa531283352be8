"""The verbs on `applied/<name>`, a repository that is ours alone."""

import json
from pathlib import Path
from typing import Any

from hive_base.process import ProcessError
from hive_core.build.inside import Refusal
from hive_core.configs.inside import kept
from hive_core.configs.inside.git import git
from hive_core.configs.inside.packing import MAX_PACK
from hive_core.configs.inside.trees import files

_MAIN = "refs/heads/main"
_LOGGED = 100
_DIFF_BYTES = 512 * 1024
_SEPARATOR = "\x1f"


async def init(repository: Path) -> None:
    """Make it, if it is not there."""
    if not (repository / "HEAD").exists():
        await git(repository, "init", "--quiet", "--bare", "--template=")


async def receive(repository: Path, sha: str, pack: bytes) -> dict[str, Any]:
    """Take over the objects of a pack, each of them checked; what `read` says of the commit. Raises Refusal."""
    await init(repository)
    words = ("index-pack", "--stdin", "--strict", "--fsck-objects", f"--max-input-size={MAX_PACK}", "--threads=1")
    done = await git(repository, *words, stdin=pack, check=False)
    if done.exit_code != 0:
        said = done.stderr.strip().splitlines()
        reason = said[0] if said else "git refused them"
        raise Refusal(f"The objects of {sha} are not sound: {reason}.")
    found = await read(repository, sha)
    await git(repository, "update-ref", kept(sha), sha)
    return found


async def read(repository: Path, sha: str) -> dict[str, Any]:
    """The text files of a commit. Raises Refusal."""
    try:
        kind = (await git(repository, "cat-file", "-t", sha)).stdout.strip()
    except ProcessError:
        raise Refusal(f"There is no commit {sha}.") from None
    if kind != "commit":
        raise Refusal(f"{sha} is a {kind}, not a commit.")
    texts = {}
    for path, file in (await files(repository, sha)).items():
        data = (await git(repository, "cat-file", "blob", file.blob)).output
        try:
            texts[path] = data.decode()
        except UnicodeDecodeError:
            raise Refusal(f"{path} is not UTF-8 text.") from None
        if "\0" in texts[path]:
            raise Refusal(f"{path} is not text: it has NUL bytes.")
    return {"sha": sha, "files": texts}


async def show(repository: Path, sha: str, path: str) -> bytes:
    """One file of a commit that was proposed or applied; empty where there is none, else a byte before the text.

    The path is looked up among those that a configuration may have, and never given to git.
    """
    kind = await git(repository, "cat-file", "-t", sha, check=False)
    if kind.stdout.strip() != "commit":
        return b""
    try:
        found = (await files(repository, sha)).get(path)
    except Refusal:  # it names files that the caller has not
        return b""
    return b"=" + (await git(repository, "cat-file", "blob", found.blob)).output if found else b""


async def commit(repository: Path, order: dict[str, Any]) -> str:
    """Make a commit of these files alone on top of `parent`; its id."""
    await init(repository)
    author = f"{order['author']} <{order['author']}@hive> {order['at']} +0000"
    message = order["message"].encode()
    stream = [b"commit refs/heads/incoming\n", f"committer {author}\n".encode(), b"data %d\n" % len(message), message]
    stream.append(f"\nfrom {order['parent']}\n".encode() if order["parent"] else b"\n")
    stream.append(b"deleteall\n")
    for path, text in sorted(order["files"].items()):
        data = text.encode()
        stream += [f"M 100644 inline {path}\n".encode(), b"data %d\n" % len(data), data, b"\n"]
    stream.append(b"done\n")
    await git(repository, "update-ref", "-d", "refs/heads/incoming")
    await git(repository, "fast-import", "--quiet", "--done", "--force", stdin=b"".join(stream))
    sha = (await git(repository, "rev-parse", "refs/heads/incoming")).stdout.strip()
    await git(repository, "update-ref", kept(sha), sha)
    await git(repository, "update-ref", "-d", "refs/heads/incoming")
    return sha


async def adopt(repository: Path, order: dict[str, Any]) -> str:
    """Make a commit of these files alone on top of the one that is applied, and make it the one; its id."""
    sha = await commit(repository, {**order, "parent": await head(repository)})
    await move(repository, sha)
    return sha


async def head(repository: Path) -> str:
    """The commit that is applied; empty when there is none."""
    if not (repository / "HEAD").exists():
        return ""
    done = await git(repository, "rev-parse", "--quiet", "--verify", _MAIN, check=False)
    return done.stdout.strip()


async def move(repository: Path, sha: str) -> None:
    """Make it the one that is applied."""
    await git(repository, "update-ref", kept(sha), sha)
    await git(repository, "update-ref", _MAIN, sha)


async def mark(repository: Path, tag: str, sha: str, order: dict[str, Any]) -> None:
    """Tag a commit with a message; doing it again replaces it."""
    who = {f"GIT_COMMITTER_{key}": value for key, value in (("NAME", "hive"), ("EMAIL", "hive@hive"))}
    who["GIT_COMMITTER_DATE"] = f"{order['at']} +0000"
    message = order["message"].encode() or b"-"
    await git(repository, "tag", "--force", "--annotate", "--file=-", tag, sha, stdin=message, more=who)


async def diff(repository: Path, old: str, new: str) -> str:
    """As a unified diff; `old` may be empty."""
    if not old:
        old = (await git(repository, "hash-object", "-t", "tree", "-w", "--stdin")).stdout.strip()
    words = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=all")
    try:
        return (await git(repository, *words, old, new, "--", output_limit=_DIFF_BYTES)).stdout
    except ProcessError as error:
        raise Refusal(f"The difference between {old} and {new} cannot be shown: {error}.") from None


async def log(repository: Path) -> list[dict[str, Any]]:
    """Every commit that was proposed or applied, newest first, with its tags."""
    if not await head(repository):
        return []
    pointed = "%(objectname) %(*objectname) %(refname:short)"
    tags: dict[str, list[str]] = {}
    for line in (await git(repository, "for-each-ref", f"--format={pointed}", "refs/tags")).stdout.splitlines():
        *shas, name = line.split()
        tags.setdefault(shas[-1], []).append(name)
    fields = _SEPARATOR.join(("%H", "%ct", "%an", "%s"))
    words = ("log", "--branches", "--tags", f"--max-count={_LOGGED}", "-z", f"--format={fields}")
    found = []
    for entry in filter(None, (await git(repository, *words)).stdout.split("\0")):
        sha, at, author, subject = entry.split(_SEPARATOR, 3)
        found.append({"sha": sha, "at": int(at), "author": author, "subject": subject, "tags": tags.get(sha, [])})
    return found


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
