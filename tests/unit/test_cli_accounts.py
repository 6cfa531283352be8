"""The commands for accounts and caps, against a real server with a scripted core behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_rpc.accounts import Account, AccountKind, AccountState
from hive_rpc.interfaces.operator.accounts import AccountsReply, AccountStatus
from hive_rpc.types import Empty
from tests.support.shell import Shell, scripted_shell


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with scripted_shell(tmp_path) as shell:
        taken = Account(name="taken", kind=AccountKind.API_KEY, state=AccountState.READY)
        shell.core.answers["accounts"] = AccountsReply(accounts=[AccountStatus(account=taken, agents=["worker"])])
        yield shell


@pytest.mark.parametrize(("name", "said"), [("fresh", "is stored"), ("taken", "is replaced")])
async def test_an_account_that_takes_another_s_place_is_said_to(
    shell: Shell, tmp_path: Path, name: str, said: str
) -> None:
    shell.core.answers["add_account"] = Empty()
    (tmp_path / "key").write_text("sk-ant-api03-x\n")
    done = await shell.hive("account", "add", name, "--api-key-file", str(tmp_path / "key"))
    assert (done.exit_code, said in done.stdout) == (0, True)
    assert shell.asked("add_account").secret == "sk-ant-api03-x"


async def test_a_file_that_is_no_text_reaches_the_gateway_which_says_so(shell: Shell, tmp_path: Path) -> None:
    shell.core.answers["add_account"] = Empty()
    (tmp_path / "key").write_bytes(b"\xd5\x00" * 100_000)
    done = await shell.hive("account", "add", "fresh", "--api-key-file", str(tmp_path / "key"))
    assert done.exit_code == 0
    assert len(shell.asked("add_account").secret) == 64 * 1024


@pytest.mark.parametrize("verb", ["add", "remove", "login"])
async def test_a_name_that_none_can_have_is_wrong_usage(shell: Shell, verb: str) -> None:
    done = await shell.hive("account", verb, "../Night", *(["--stand-in"] if verb == "add" else []))
    assert done.exit_code == 2
    assert "'../Night' is not an account's name" in done.stderr


async def test_what_no_request_can_hold_is_a_sentence(shell: Shell) -> None:
    done = await shell.hive("caps", "set", "hive", "--hour-usd", "nan")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "hour" in done.stderr
    assert not shell.core.asked


async def test_a_part_of_a_cent_is_not_rounded_away(shell: Shell) -> None:
    shell.core.answers["set_caps"] = Empty()
    done = await shell.hive("caps", "set", "taken", "--account", "--hour-usd", "0.001", "--day-usd", "5")
    assert done.stdout == "Account taken may spend $0.0010 an hour, $5.00 a day.\n"
