"""`headwater migrate`: tables are made where there are none, by whoever deploys a service."""

from pathlib import Path

import pytest
from headwater import App, SchemaMismatchError
from headwater.cli import main

from tests.support import parcels
from tests.support.postgres import Cluster


@pytest.fixture
def empty_database(postgres: Cluster) -> str:
    return postgres.run(postgres.create_database("template1"))


async def test_a_service_names_the_command_that_makes_its_tables(empty_database: str) -> None:
    app = App(parcels.service, handlers=parcels.handlers, database=empty_database)

    with pytest.raises(SchemaMismatchError, match="headwater migrate upgrade"):
        async with app:
            pass


def test_on_postgresql_the_tables_are_made_once(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "status", "--database", empty_database]) == 1
    assert "no tables of Headwater's" in capsys.readouterr().out

    for _ in range(2):
        assert main(["migrate", "upgrade", "--database", empty_database]) == 0
        assert "as they should be" in capsys.readouterr().out
    assert main(["migrate", "status", "--database", empty_database]) == 0


def test_an_sqlite_file_can_be_made_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"sqlite:///{tmp_path}/users.db"

    assert main(["migrate", "status", "--database", database]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["migrate", "upgrade", "--database", database]) == 0
    assert main(["migrate", "status", "--database", database]) == 0


def test_memory_has_no_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "upgrade", "--database", "memory://"]) == 2
    assert "memory:// has no tables" in capsys.readouterr().err


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://owner:hunter2@127.0.0.1:1/nothing"

    assert main(["migrate", "upgrade", "--database", url]) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
