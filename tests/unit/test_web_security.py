"""The small decisions of the dashboard's walls."""

import pytest

from hive_rpc.errors import InvalidError
from hive_web.config import WebConfig, load
from hive_web.security import local_path


@pytest.mark.parametrize("path", ["/", "/agent/worker/", "/agent/worker/?before=12"])
def test_after_signing_in_one_comes_back_to_where_one_was(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "https://a.example/",
        "//a.example/",
        "/\\a.example/",
        "///a.example",
        "javascript:alert(1)",
        "agent/worker/",
        "/\n//a.example",
        "/\t/a.example",
    ],
)
def test_after_signing_in_one_never_ends_up_on_another_site(given: str | None) -> None:
    assert local_path(given) == "/"


def test_the_configuration_file_may_be_missing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert load(tmp_path / "web.toml") == WebConfig()


def test_a_wrong_key_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "web.toml"
    path.write_text("prot = 1\n")
    with pytest.raises(InvalidError, match="prot"):
        load(path)
    path.write_text("port = 70000\n")
    with pytest.raises(InvalidError, match="port"):
        load(path)
    path.write_text("port = \n")
    with pytest.raises(InvalidError, match="not TOML"):
        load(path)


def test_the_configuration_is_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "web.toml"
    path.write_text('port = 8443\nallowed_hosts = ["hive.example.org"]\nsecure = true\n')
    assert load(path) == WebConfig(port=8443, allowed_hosts=("hive.example.org",), secure=True)
