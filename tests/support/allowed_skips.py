"""A test that is skipped proves nothing: with CI=true one that tests/allowed-skips.txt does not name fails the run."""

import os
from collections.abc import Generator, Mapping

import pytest

ALLOWED: pytest.StashKey[Mapping[str, str] | None] = pytest.StashKey()


def read(text: str) -> dict[str, str]:
    """The reasons by test id. Raises ValueError for an entry without a reason."""
    allowed = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        test_id, mark, reason = line.partition(" # ")
        if not mark or not reason.strip():
            raise ValueError(f"no reason is given for skipping {line.strip()}")
        allowed[test_id.strip()] = reason.strip()
    return allowed


def is_allowed(node_id: str, allowed: Mapping[str, str]) -> bool:
    return any(node_id == entry or node_id.startswith((f"{entry}::", f"{entry}[")) for entry in allowed)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ALLOWED] = None
    if os.environ.get("CI") == "true":
        path = config.rootpath / "tests" / "allowed-skips.txt"
        config.stash[ALLOWED] = read(path.read_text()) if path.exists() else {}


def _refuse(report: pytest.TestReport | pytest.CollectReport, allowed: Mapping[str, str] | None) -> None:
    if allowed is None or not report.skipped or hasattr(report, "wasxfail") or is_allowed(report.nodeid, allowed):
        return
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{why}\nIn CI a skipped test counts as failed, unless tests/allowed-skips.txt names it."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse(report, item.config.stash[ALLOWED])
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse(report, collector.config.stash[ALLOWED])
    return report
