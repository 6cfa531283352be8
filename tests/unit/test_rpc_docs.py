from pathlib import Path

from hive_rpc import docs

REFERENCE = Path(__file__).parents[2] / "docs" / "rpc"


def test_the_reference_is_what_the_interfaces_say() -> None:
    written = {path.name: path.read_text() for path in REFERENCE.iterdir()}
    assert written == docs.render(), "stale: run `make docs`"


def test_every_interface_says_where_it_is_served() -> None:
    assert [interface.varlink_name for interface in docs.discover() if not interface.sockets] == []


def test_what_is_no_longer_declared_goes_from_the_reference(tmp_path: Path) -> None:
    (tmp_path / "org.hive.Gone.varlink").write_text("interface org.hive.Gone")
    docs.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(docs.render())
