"""What stands in the way of a start is said in one sentence, with what to do, before anything is made."""

import socket
from pathlib import Path

import pytest

from hive_cli.up import preflight
from hive_cli.up.errors import CannotError
from hive_cli.up.state import State


def refusal(error: pytest.ExceptionInfo[CannotError]) -> str:
    assert error.value.hint, "every refusal says what to do"
    return error.value.sentence()


def test_only_root_may_start_a_hive() -> None:
    preflight.check_root(0)
    with pytest.raises(CannotError) as error:
        preflight.check_root(1000)
    assert "root" in refusal(error)


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    for program in preflight.PROGRAMS:
        (tmp_path / program).touch(mode=0o755)
    preflight.check_programs(str(tmp_path))
    (tmp_path / "systemd-nspawn").unlink()
    (tmp_path / "dbus-daemon").unlink()
    with pytest.raises(CannotError) as error:
        preflight.check_programs(str(tmp_path))
    assert refusal(error) == (
        "systemd-nspawn and dbus-daemon are not installed. Run `apt-get install systemd-container dbus`."
    )


def test_hive_runs_from_a_virtual_environment_of_the_machines_python() -> None:
    preflight.check_interpreter(prefix=Path("/srv/hive/.venv"), base_prefix=Path("/usr"))
    for prefix, base in (("/usr", "/usr"), ("/srv/hive/.venv", "/root/.pyenv/versions/3.11.7")):
        with pytest.raises(CannotError) as error:
            preflight.check_interpreter(prefix=Path(prefix), base_prefix=Path(base))
        assert "make .venv" in refusal(error)


def test_a_taken_port_is_refused_and_a_free_one_is_not() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        server.listen()
        with pytest.raises(CannotError) as error:
            preflight.check_port(port)
    assert refusal(error) == f"Port {port} on 127.0.0.1 is taken by another program. Choose another with --port."
    preflight.check_port(port)


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    preflight.check_space(tmp_path, 1)
    with pytest.raises(CannotError) as error:
        preflight.check_space(tmp_path, 2**60)
    assert "is full" in refusal(error)


def test_too_few_inotify_instances_are_refused() -> None:
    preflight.check_inotify(128)
    with pytest.raises(CannotError) as error:
        preflight.check_inotify(16)
    assert "sysctl -w fs.inotify.max_user_instances=1024" in refusal(error)


def test_a_machine_without_loop_devices_is_refused(tmp_path: Path) -> None:
    preflight.check_loops(Path("/dev/null"))
    with pytest.raises(CannotError) as error:
        preflight.check_loops(tmp_path / "loop-control")
    assert "modprobe loop" in refusal(error)


def test_a_new_or_empty_directory_or_an_earlier_state_is_taken(tmp_path: Path) -> None:
    preflight.check_state(State(tmp_path / "new" / "state"))
    preflight.check_state(State(tmp_path))
    (tmp_path / "lock").touch()
    (tmp_path / "lib").mkdir()
    preflight.check_state(State(tmp_path))


def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CannotError) as error:
        preflight.check_state(State(tmp_path))
    assert "holds something else" in refusal(error)


@pytest.mark.parametrize("below", ["", "state"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotError) as error:
        preflight.check_state(State(tmp_path / "file" / below))
    assert f"{tmp_path}/file is not a directory." in refusal(error)


class TestApiKey:
    def test_the_file_wins_over_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("sk-from-file\n")
        assert preflight.read_api_key(tmp_path / "key", "sk-from-environment") == "sk-from-file"
        assert preflight.read_api_key(None, "sk-from-environment") == "sk-from-environment"

    @pytest.mark.parametrize("value", [None, "", "  "])
    def test_without_one_there_is_none(self, value: str | None) -> None:
        assert preflight.read_api_key(None, value) is None

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CannotError) as error:
            preflight.read_api_key(tmp_path / "missing", None)
        assert f"{tmp_path}/missing cannot be read: No such file or directory." in refusal(error)
        with pytest.raises(CannotError) as error:
            preflight.read_api_key(tmp_path, None)
        assert "Is a directory" in refusal(error)

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"\xff\xfe", b"sk-secret one", b"sk-secret\nsk-secret", b"sk-\xc3\xa9"]
    )
    def test_what_is_no_key_is_refused_without_showing_it(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(CannotError) as error:
            preflight.read_api_key(tmp_path / "key", None)
        assert "sk-" not in refusal(error)


def test_a_state_directory_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    preflight.check_state(State(tmp_path))
    for mode in (0o702, 0o770):
        tmp_path.chmod(mode)
        with pytest.raises(CannotError) as error:
            preflight.check_state(State(tmp_path))
        assert "belongs to somebody else" in refusal(error)
    tmp_path.chmod(0o700)


def test_a_state_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preflight.check_state(State(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CannotError) as error:
        preflight.check_state(State(tmp_path))
    assert "belongs to somebody else" in refusal(error)
