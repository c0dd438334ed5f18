"""`headwater migrate`: what the verb prints, its exit status, and what it refuses."""

import sqlite3
from pathlib import Path

import pytest
from headwater import App, SchemaMismatchError
from headwater.cli import main
from headwater.schema.revisions import REVISION
from headwater.stores.postgres.address import Address

from tests.support import parcels
from tests.support.postgres import Server


@pytest.fixture
def empty_database(postgres: Server) -> str:
    return postgres.run(postgres.create_database("template1"))


async def test_a_service_names_the_command_that_makes_its_tables(empty_database: str) -> None:
    app = App(parcels.service, handlers=parcels.handlers, database=empty_database)

    with pytest.raises(SchemaMismatchError, match="headwater migrate upgrade") as refused:
        async with app:
            pass
    assert str(Address(empty_database)) in str(refused.value)


def test_on_postgresql_the_tables_are_made_once(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "status", "--database", empty_database]) == 1
    assert f"at base, and {REVISION} is due" in capsys.readouterr().out
    assert main(["migrate", "verify", "--database", empty_database]) == 1
    assert "table streams is missing" in capsys.readouterr().out

    assert main(["migrate", "upgrade", "--database", empty_database]) == 0
    assert f"upgraded to {REVISION}" in capsys.readouterr().out
    assert main(["migrate", "upgrade", "--database", empty_database]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["migrate", "status", "--database", empty_database]) == 0
    assert "as it should be" in capsys.readouterr().out
    assert main(["migrate", "verify", "--database", empty_database]) == 0
    assert "all is as declared" in capsys.readouterr().out

    assert main(["migrate", "downgrade", "--to", "base", "--database", empty_database]) == 0
    assert f"took back {REVISION}" in capsys.readouterr().out
    assert main(["migrate", "status", "--database", empty_database]) == 1


def test_an_sqlite_file_can_be_made_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"sqlite:///{tmp_path}/users.db"

    assert main(["migrate", "status", "--database", database]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["migrate", "upgrade", "--database", database]) == 0
    assert main(["migrate", "status", "--database", database]) == 0
    assert main(["migrate", "verify", "--database", database]) == 0


def test_a_file_of_somebody_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE things (name TEXT)")
    connection.close()
    before = (tmp_path / "other.db").read_bytes()

    for action in ("upgrade", "status", "verify", "downgrade"):
        assert main(["migrate", action, "--database", f"sqlite:///{tmp_path}/other.db"]) == 2
        assert "it holds something else" in capsys.readouterr().err
    assert (tmp_path / "other.db").read_bytes() == before


def test_the_sql_needs_no_connection(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "postgresql://owner:hunter2@127.0.0.1:1/nothing"

    assert main(["migrate", "sql", "--database", nowhere]) == 0
    up = capsys.readouterr().out
    assert main(["migrate", "sql", "--down", "--database", nowhere]) == 0
    down = capsys.readouterr().out

    assert "CREATE TABLE events" in up
    assert "DROP TABLE events" in down


@pytest.mark.parametrize(
    "call",
    [
        ["upgrade", "--to", "base"],
        ["status", "--accept-loss"],
        ["verify", "--from", "base"],
        ["downgrade", "--down"],
        ["sql", "--to", "base"],
        ["sql", "--down", "--from", "base"],
        ["upgrade", "--roles", "shop"],
    ],
)
def test_an_option_without_effect_is_refused(
    call: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", *call, "--database", f"sqlite:///{tmp_path}/users.db"]) == 2
    assert "would have no effect" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_memory_has_no_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "upgrade", "--database", "memory://"]) == 2
    assert "memory:// has no tables" in capsys.readouterr().err


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://owner:hunter2@127.0.0.1:1/nothing"

    assert main(["migrate", "upgrade", "--database", url]) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert "127.0.0.1:1" in told.err


def test_a_service_without_revisions_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = f"sqlite:///{tmp_path}/users.db"
    assert main(["migrate", "upgrade", "tests.support.parcels", "--database", database]) == 2
    assert "headwater generate" in capsys.readouterr().err
