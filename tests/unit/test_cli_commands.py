"""The commands against a real server on a unix socket, with the answers of a scripted core behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from hive_cli.main import cli
from hive_rpc.errors import ConflictError, TimedOutError, UnknownRecipientError
from hive_rpc.interfaces.operator.hive import AgentStatus, Check, DoctorReply, HiveStatus, StatusReply
from hive_rpc.interfaces.operator.messages import AwaitReplyReply, MessagesReply, OperatorSendReply
from hive_rpc.interfaces.operator.people import AuditReply, AuditRow, InviteReply, OperatorAccount, OperatorsReply
from hive_rpc.logs import LogLine
from hive_rpc.types import AgentState, ContainerState, Empty, Message, Role
from tests.support.shell import Shell, scripted_shell

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STATUS = StatusReply(
    hive=HiveStatus(
        name="home",
        version="1.2",
        since=NOW,
        stand_in=True,
        model_backend="the stand-in model",
        gateway=True,
        healthy=True,
        dashboard="http://127.0.0.1:8137",
    ),
    cursor=12,
    agents=[
        AgentStatus(
            name="worker",
            state=AgentState.PARKED,
            since=NOW,
            reason="rate limit",
            until=NOW + timedelta(hours=1),
            container=ContainerState.RUNNING,
            machine="h-worker",
            model="sonnet",
            unread=3,
            created_at=NOW,
        )
    ],
)
REPLY = Message(id="msg_2", sender="worker", recipient="operator", body="42", in_reply_to="msg_1", sent_at=NOW)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    async with scripted_shell(tmp_path) as shell:
        yield shell


async def test_status_as_json_is_exactly_what_core_said(shell: Shell) -> None:
    shell.core.answers["status"] = STATUS
    done = await shell.hive("status", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == STATUS.model_dump(mode="json")
    assert list(json.loads(done.stdout))[:2] == ["hive", "agents"]


async def test_status_for_people_tells_state_reason_and_unread_without_colour_codes(shell: Shell) -> None:
    shell.core.answers["status"] = STATUS
    done = await shell.hive("status")
    assert "parked: rate limit until" in done.stdout
    assert "stand-in model answers" in done.stdout
    # Not that all is well: whether a disk is full, say, only the doctor looks.
    assert "no agent has failed" in done.stdout
    assert "http://127.0.0.1:8137" in done.stdout
    assert "\x1b" not in done.stdout


async def test_status_says_that_everything_is_stopped_and_how_to_undo_it(shell: Shell) -> None:
    stopped = STATUS.hive.model_copy(update={"stopped": "ada at 2026-03-01 12:00 UTC, a leaked key"})
    shell.core.answers["status"] = STATUS.model_copy(update={"hive": stopped})
    done = await shell.hive("status")
    assert "Everything is stopped: ada at 2026-03-01 12:00 UTC, a leaked key." in done.stdout.replace("\n", " ")
    assert "hive resume-all" in done.stdout


async def test_send_prints_the_id_of_the_message(shell: Shell) -> None:
    shell.core.answers["send"] = OperatorSendReply(id="msg_1")
    done = await shell.hive("send", "worker", "what is 6*7?")
    assert (done.exit_code, done.stdout) == (0, "msg_1\n")
    assert (shell.asked("send").to, shell.asked("send").body) == ("worker", "what is 6*7?")
    assert shell.asked("send").key


async def test_send_reads_the_body_from_standard_input(shell: Shell) -> None:
    shell.core.answers["send"] = OperatorSendReply(id="msg_1")
    await shell.hive("send", "worker", "-", stdin="two\nlines\n")
    assert shell.asked("send").body == "two\nlines\n"


async def test_a_body_that_is_not_utf8_is_wrong_usage(shell: Shell) -> None:
    done = await shell.hive("send", "worker", "-", stdin=b"ab\xff")
    assert done.exit_code == 2
    assert "byte 2" in done.stderr
    done = await shell.hive("send", "worker", "ab\udcff")  # as Python gives the byte 0xff of an argument
    assert done.exit_code == 2
    assert "it is not UTF-8 at byte 2" in done.stderr
    assert not shell.core.asked


@pytest.mark.parametrize("command", [("spawn", "helper", "--config"), ("config", "worker", "edit", "--file")])
async def test_a_configuration_that_is_not_utf8_is_wrong_usage(
    shell: Shell, tmp_path: Path, command: tuple[str, ...]
) -> None:
    config = tmp_path / "agent.toml"
    config.write_bytes(b"ab\xff")
    done = await shell.hive(*command, str(config))
    assert done.exit_code == 2
    assert f"Invalid value for {command[-1]}: {config} is not UTF-8 at byte 2." in " ".join(done.stderr.split())
    assert not shell.core.asked


async def test_send_and_wait_prints_the_reply_alone(shell: Shell) -> None:
    shell.core.answers |= {"send": OperatorSendReply(id="msg_1"), "await_reply": AwaitReplyReply(reply=REPLY)}
    done = await shell.hive("send", "worker", "what is 6*7?", "--wait", "--timeout", "5")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "42\n", "")
    assert shell.asked("await_reply").id == "msg_1"
    assert shell.asked("await_reply").wait_seconds <= 5


async def test_an_automatic_reply_is_marked_beside_the_text(shell: Shell) -> None:
    reply = REPLY.model_copy(update={"automatic": True})
    shell.core.answers |= {"send": OperatorSendReply(id="msg_1"), "await_reply": AwaitReplyReply(reply=reply)}
    done = await shell.hive("send", "worker", "hello", "--wait")
    assert done.stdout == "42\n"
    assert "final text" in done.stderr


async def test_no_reply_in_time_is_exit_code_3_and_says_where_a_later_one_will_be(shell: Shell) -> None:
    shell.core.answers |= {"send": OperatorSendReply(id="msg_1"), "await_reply": TimedOutError("No reply came.")}
    done = await shell.hive("send", "worker", "hello", "--wait", "--timeout", "0")
    assert done.exit_code == 3
    assert "msg_1" in done.stderr
    assert "No reply came." in done.stderr


async def test_when_no_reply_came_in_time_the_recipient_s_state_is_said(shell: Shell) -> None:
    stopped = STATUS.hive.model_copy(update={"stopped": "ada at noon"})
    shell.core.answers |= {
        "send": OperatorSendReply(id="msg_1"),
        "await_reply": TimedOutError("No reply came."),
        "status": STATUS.model_copy(update={"hive": stopped}),
    }
    for to in ("worker", "*"):
        said = (await shell.hive("send", to, "hello", "--wait", "--timeout", "0")).stderr
        assert "worker is parked: rate limit until 2026-03-01 13:00" in said
        assert "Everything is stopped: ada at noon. `hive resume-all` undoes it." in said
    assert "parked" not in (await shell.hive("send", "other", "hello", "--wait", "--timeout", "0")).stderr


async def test_a_refusal_is_exit_code_1_with_one_sentence(shell: Shell) -> None:
    shell.core.answers["send"] = UnknownRecipientError("There is no agent nobody.", hint="See `hive status`.")
    done = await shell.hive("send", "nobody", "hello")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "hive: There is no agent nobody. See `hive status`.\n"


@pytest.mark.parametrize("command", [["status"], ["send", "worker", "x", "--wait"], ["logs", "worker"]])
async def test_a_hive_that_is_not_there_is_exit_code_4_and_names_the_remedy(tmp_path: Path, command: list[str]) -> None:
    done = await asyncio.to_thread(CliRunner().invoke, cli, [*command, "--state", str(tmp_path)])
    assert done.exit_code == 4
    assert "hive up" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_a_socket_that_nobody_serves_is_exit_code_4(shell: Shell, tmp_path: Path) -> None:
    leftover = tmp_path / "old" / "run" / "operator.sock"
    leftover.parent.mkdir(parents=True)
    server = await asyncio.start_unix_server(lambda r, w: None, leftover)
    server.close()
    await server.wait_closed()
    done = await shell.hive("status", "--state", str(tmp_path / "old"))
    assert done.exit_code == 4
    assert "hive up" in done.stderr


@pytest.mark.parametrize("name", ["Worker", "-", "a--b", "a" * 32, "../x"])
async def test_a_name_that_no_agent_can_have_is_wrong_usage(shell: Shell, name: str) -> None:
    done = await shell.hive("spawn", "--", name)
    assert done.exit_code == 2
    assert not shell.core.asked


@pytest.mark.parametrize("command", ["spawn", "start", "stop", "restart"])
async def test_an_agents_life_is_one_call_each(shell: Shell, command: str) -> None:
    shell.core.answers[command] = Empty()
    done = await shell.hive(command, "worker")
    assert done.exit_code == 0
    assert "worker" in done.stdout
    assert shell.asked(command).name == "worker"


async def test_spawn_sends_the_text_of_the_configuration(shell: Shell, tmp_path: Path) -> None:
    shell.core.answers["spawn"] = Empty()
    config = tmp_path / "agent.toml"
    config.write_text('model = "haiku"\n')
    done = await shell.hive("spawn", "helper", "--config", str(config), "--json")
    assert json.loads(done.stdout) == {}
    assert shell.asked("spawn").config == 'model = "haiku"\n'


async def test_destroy_wants_the_name_typed(shell: Shell) -> None:
    shell.core.answers["destroy"] = Empty()
    done = await shell.hive("destroy", "worker", stdin="worker\n")
    assert done.exit_code == 0
    assert shell.asked("destroy").name == "worker"
    assert "`hive revive worker`" in done.stdout


@pytest.mark.parametrize("typed", ["yes\n", "", "workers\n"])
async def test_destroy_does_nothing_when_another_name_is_typed(shell: Shell, typed: str) -> None:
    shell.core.answers["destroy"] = Empty()
    done = await shell.hive("destroy", "worker", "--purge", stdin=typed)
    assert done.exit_code == 1
    assert not shell.core.asked


async def test_destroy_with_yes_asks_nothing(shell: Shell) -> None:
    shell.core.answers["purge"] = Empty()
    done = await shell.hive("destroy", "worker", "--purge", "--yes")
    assert done.exit_code == 0
    assert shell.asked("purge").name == "worker"


async def test_logs_print_each_line_with_its_source_and_no_terminal_codes(shell: Shell) -> None:
    shell.core.answers["logs"] = [
        LogLine(at=NOW, source="hive-agent", priority=6, text="[red]awake[/red]"),
        LogLine(at=NOW, source="agent", priority=3, text="\x1b[2Jgone"),
    ]
    done = await shell.hive("logs", "worker", "-n", "2")
    assert "hive-agent: [red]awake[/red]\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert (shell.asked("logs").lines, shell.asked("logs").follow) == (2, False)


async def test_logs_as_json_are_one_object_a_line(shell: Shell) -> None:
    lines = [LogLine(at=NOW, source="s", priority=6, text=str(n)) for n in range(3)]
    shell.core.answers["logs"] = lines
    done = await shell.hive("logs", "worker", "--json", "-f")
    assert [LogLine.model_validate_json(line) for line in done.stdout.splitlines()] == lines
    assert shell.asked("logs").follow is True


async def test_doctor_fails_when_a_check_does_and_gives_its_remedy(shell: Shell) -> None:
    checks = [
        Check(name="disk", ok=True, detail="80 GB free"),
        Check(name="gateway", ok=False, detail="not connected", remedy="systemctl restart hive-gateway"),
    ]
    shell.core.answers["doctor"] = DoctorReply(checks=checks)
    done = await shell.hive("doctor")
    assert done.exit_code == 1
    assert "systemctl restart hive-gateway" in done.stdout
    assert "gateway" in done.stderr
    shell.core.answers["doctor"] = DoctorReply(checks=checks[:1])
    assert (await shell.hive("doctor")).exit_code == 0


async def test_an_invitation_prints_only_the_link(shell: Shell) -> None:
    shell.core.answers["invite"] = InviteReply(
        token="t", url="http://127.0.0.1:8137/sign-in#t", expires_at=NOW, role=Role.ADMIN
    )
    done = await shell.hive("operator", "invite", "ada")
    assert done.stdout == "http://127.0.0.1:8137/sign-in#t\n"
    assert "Signs ada in once, as admin, until" in done.stderr
    assert (shell.asked("invite").name, shell.asked("invite").role) == ("ada", Role.VIEWER)


async def test_a_password_is_read_from_standard_input_and_never_shown(shell: Shell) -> None:
    shell.core.answers["set_password"] = Empty()
    done = await shell.hive("operator", "passwd", "ada", stdin="correct horse\n")
    assert done.exit_code == 0
    assert shell.asked("set_password").new_password == "correct horse"
    assert "nobody is signed in as ada any more" in done.stdout
    assert "correct" not in done.output


async def test_an_empty_password_is_refused_here(shell: Shell) -> None:
    done = await shell.hive("operator", "passwd", "ada", stdin="")
    assert done.exit_code == 1
    assert not shell.core.asked


async def test_operators_are_listed(shell: Shell) -> None:
    account = OperatorAccount(name="ada", role=Role.ADMIN, has_password=False, created_at=NOW)
    shell.core.answers["operators"] = OperatorsReply(operators=[account])
    done = await shell.hive("operator", "list")
    assert "ada" in done.stdout
    assert "admin" in done.stdout


async def test_the_audit_log_is_shown_with_its_details(shell: Shell) -> None:
    row = AuditRow(
        id=7, at=NOW, who="root", via="operator.sock", action="spawn", target="worker", outcome="done", details={"a": 1}
    )
    shell.core.answers["audit"] = AuditReply(rows=[row])
    done = await shell.hive("audit", "-n", "5", "--before", "9")
    assert all(part in done.stdout for part in ("root", "operator.sock", "spawn", "worker", "done", '{"a": 1}'))
    assert (shell.asked("audit").limit, shell.asked("audit").before) == (5, 9)


async def test_messages_of_one_agent_are_shown_with_their_bodies_indented(shell: Shell) -> None:
    shell.core.answers["messages"] = MessagesReply(messages=[REPLY], more=False)
    done = await shell.hive("messages", "worker")
    assert "worker -> operator  msg_2 (in reply to msg_1)\n    42\n" in done.stdout
    assert shell.asked("messages").agent == "worker"


async def test_a_conflict_says_what_to_do(shell: Shell) -> None:
    shell.core.answers["start"] = ConflictError("worker runs already.", hint="Use `hive restart worker`.")
    done = await shell.hive("start", "worker")
    assert done.exit_code == 1
    assert done.stderr == "hive: worker runs already. Use `hive restart worker`.\n"


async def test_no_command_and_unknown_commands_are_wrong_usage(shell: Shell) -> None:
    assert (await shell.hive("frobnicate")).exit_code == 2
    assert (await shell.hive("send", "worker")).exit_code == 2
