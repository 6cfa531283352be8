"""In CI a skipped test fails the run, unless it is on the list with a reason."""

from pathlib import Path

import pytest

from tests.support import allowed_skips

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> "Run":
    return Run(pytester, monkeypatch)


class Run:
    """A run of one file of tests, some of them skipped."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.monkeypatch = monkeypatch

    def __call__(self, source: str, *, ci: bool, allowed: str = "") -> pytest.RunResult:
        self.monkeypatch.setenv("CI", "true" if ci else "")
        # Only what is tested: loading every installed plugin again takes most of a second.
        self.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        self.pytester.mkdir("tests").joinpath("allowed-skips.txt").write_text(allowed)
        self.pytester.makepyfile(test_it=source)
        return self.pytester.runpytest_inprocess("-p", "tests.support.allowed_skips")


SKIPPED = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.skip(reason="no network")
def test_fetch(n): pass

def test_other(): pass
"""
WHOLE_MODULE = "import pytest\npytest.skip('no such package', allow_module_level=True)"


def test_a_skip_fails_the_run_and_says_why(run: Run) -> None:
    result = run(SKIPPED, ci=True)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*no network*", "*tests/allowed-skips.txt*"])


def test_outside_of_ci_it_is_only_a_skip(run: Run) -> None:
    run(SKIPPED, ci=False).assert_outcomes(passed=1, skipped=2)


@pytest.mark.parametrize("entry", ["test_it.py", "test_it.py::test_fetch"])
def test_a_listed_skip_is_allowed(run: Run, entry: str) -> None:
    run(SKIPPED, ci=True, allowed=f"{entry} # needs a network\n").assert_outcomes(passed=1, skipped=2)


def test_the_list_names_single_cases_too(run: Run) -> None:
    result = run(SKIPPED, ci=True, allowed="test_it.py::test_fetch[1] # needs a network\n")
    result.assert_outcomes(passed=1, skipped=1, errors=1)


def test_a_skip_inside_a_test_counts_too(run: Run) -> None:
    run("import pytest\ndef test_it(): pytest.skip('today')", ci=True).assert_outcomes(failed=1)


def test_a_module_that_skips_itself_counts_too(run: Run) -> None:
    run(WHOLE_MODULE, ci=True).assert_outcomes(errors=1)


def test_an_expected_failure_is_no_skip(run: Run) -> None:
    run("import pytest\n@pytest.mark.xfail\ndef test_it(): assert False", ci=True).assert_outcomes(xfailed=1)


def test_an_entry_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="no reason"):
        allowed_skips.read("tests/unit/test_x.py\n")


def test_the_list_names_only_tests_that_exist() -> None:
    for test_id in allowed_skips.read((ROOT / "tests/allowed-skips.txt").read_text()):
        assert (ROOT / test_id.partition("::")[0]).exists(), f"{test_id} is not a test any more"
