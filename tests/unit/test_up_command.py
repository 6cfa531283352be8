"""What `hive up` says of the hive that it brought up, or found."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from hive_cli.up import command
from hive_cli.up.start import Progress, Start, Up


@pytest.mark.parametrize(
    ("started", "first", "how"),
    [
        (True, "The hive is up.\n", " set ANTHROPIC_API_KEY or give --api-key-file"),
        (
            False,
            "The hive runs already, and was left as it is.\n",
            " `hive down`, then set ANTHROPIC_API_KEY or give --api-key-file",
        ),
    ],
)
def test_a_hive_that_runs_gets_no_key_before_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, started: bool, first: str, how: str
) -> None:
    async def bring_up(start: Start, say: Progress) -> Up:
        return Up(
            state=str(start.state.root),
            started=started,
            dashboard="http://127.0.0.1:4483",
            sign_in="http://127.0.0.1:4483/sign-in/x",
            sign_in_until=datetime(2026, 3, 1, tzinfo=UTC),
            model_backend="the stand-in model",
            stand_in=True,
            agents=[],
        )

    monkeypatch.setattr(command, "bring_up", bring_up)
    done = CliRunner().invoke(command.up, ["--state", "/nowhere"], env={"ANTHROPIC_API_KEY": None})
    assert done.stdout.startswith(first)
    assert how in done.stdout
