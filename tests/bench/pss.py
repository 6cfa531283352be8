"""Memory by proportional set size: a page that n processes share counts 1/n in each (proc_pid_smaps_rollup, PSS)."""

from collections.abc import Iterable
from pathlib import Path


def mib(pids: Iterable[int]) -> float:
    """Of all these processes together."""
    return sum(_kib(pid) for pid in pids) / 1024


def _kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0])
    raise RuntimeError(f"the kernel does not tell the PSS of process {pid}")
