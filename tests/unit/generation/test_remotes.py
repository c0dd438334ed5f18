"""What a service reads of others: contracts that it carries, and those that are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from headwater_generator.problems import SpecError

from .conftest import Project

READER = """\
headwater: 1
service: reports
streams: {own: {type: persistent}}
remote:
  user-service: {spec: user_service.yaml, streams: [users]}
workflows:
  Visit: {stream: own, events: {UserAdded: {fields: {at: datetime}}}}
subscriptions:
  signups: {stream: user-service/users, mode: consumer-group}
  old-signups: {stream: user-service/users, mode: broadcast, events: [UserAdded@1]}
  visits: {stream: own, mode: broadcast}
"""
CHECK = "import {0}; from {0} import {1} as service; print(service.events_of({2!r}))"


@pytest.fixture
def reading(project: Project) -> Project:
    """user-service publishes, and reports reads it; both record a UserAdded."""
    project.configure('[tool.headwater]\nspec = ["spec/user_service.yaml", "spec/reports.yaml"]\n')
    project.change("{type: persistent}", "{type: persistent, publish: true}")
    (project.root / "spec" / "reports.yaml").write_text(READER)
    project.generate()
    return project


def reports(project: Project) -> Path:
    return project.root / "generated" / "reports"


def by_client(project: Project) -> None:
    spec = project.root / "spec" / "reports.yaml"
    spec.write_text(
        spec.read_text().replace("{spec: user_service.yaml", "{client: user_service_client")
    )


def imported(project: Project, *paths: str) -> str:
    """What a Python of its own says that the service reads."""
    code = CHECK.format("generated.reports", "reports", "user-service/users")
    places = [str(project.root), *(str(project.root / path) for path in paths)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {places!r}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_contract_that_is_read_from_a_spec_is_carried(reading: Project) -> None:
    carried = reports(reading) / "remotes" / "user_service"

    found = imported(reading)

    assert {path.name for path in carried.glob("*.py")} >= {"contract.py", "events.py"}
    assert (carried / "schemas" / "UserAdded.v1.json").is_file()
    assert not (carried / "commands.py").exists()
    assert "generated.reports.remotes.user_service.events.UserAddedV1" in found


def test_events_of_one_name_in_two_services_are_told_apart(reading: Project) -> None:
    text = (reports(reading) / "subscriptions.py").read_text()

    assert "from .events import UserAdded\n" in text
    assert "UserAdded as UserServiceUserAdded" in text
    assert "signups: Subscription[UserServiceUserAdded | UserRemoved]" in text
    assert "old_signups: Subscription[UserServiceUserAddedV1]" in text
    assert "visits: Subscription[UserAdded]" in text


def test_an_installed_client_package_is_imported_and_not_carried(reading: Project) -> None:
    by_client(reading)
    reading.generate()

    found = imported(reading, "generated/user_service_client")

    assert not (reports(reading) / "remotes").exists()
    assert (
        "from user_service_client.contract import" in (reports(reading) / "service.py").read_text()
    )
    assert "user_service_client.events.UserAddedV1" in found


def test_nothing_of_a_client_package_is_executed(reading: Project) -> None:
    client = reading.root / "generated" / "user_service_client" / "user_service_client"
    installed = reading.root / ".venv" / "lib" / "python3.11" / "site-packages"
    installed.mkdir(parents=True)
    client.rename(installed / "user_service_client")
    (reading.root / "generated" / "user_service_client" / "manifest.json").unlink()
    (installed / "user_service_client" / "__init__.py").write_text("raise SystemExit(3)\n")
    by_client(reading)
    reading.configure('[tool.headwater]\nspec = ["spec/reports.yaml"]\n')

    reading.generate()

    assert "user_service_client" in (reports(reading) / "service.py").read_text()


def test_a_change_of_the_contract_makes_the_reader_out_of_date(reading: Project) -> None:
    reading.change("UserAdded: {fields: {user_id: int,", "UserAdded: {fields: {user_id: string,")

    found = {one.file for one in reading.generate(check=True).findings}

    assert "generated/reports/remotes/user_service/events.py" in found


def test_a_contract_that_is_no_longer_read_is_removed(reading: Project) -> None:
    spec = reading.root / "spec" / "reports.yaml"
    kept = [line for line in spec.read_text().splitlines() if "user-service" not in line]
    spec.write_text("\n".join(line for line in kept if line != "remote:") + "\n")

    reading.generate()

    assert not (reports(reading) / "remotes").exists()


def test_what_is_wrong_with_a_contract_is_told_once(reading: Project) -> None:
    reading.change("name: string}}", "name: strin}}")

    with pytest.raises(SpecError) as caught:
        reading.generate()

    assert [one.code for one in caught.value.problems] == ["HW401"]


def test_a_direct_stream_has_no_place_in_the_database(reading: Project) -> None:
    spec = reading.root / "spec" / "reports.yaml"
    text = spec.read_text().replace("streams: [users]", "streams: {users: {direct: true}}")
    spec.write_text(text.replace("mode: consumer-group", "mode: exclusive"))

    reading.generate()

    service = (reports(reading) / "service.py").read_text()
    assert 'remote=Remote("user-service", "users", direct=True)' in service
    [revision] = (reports(reading) / "migrations").glob("revision_*.py")
    assert "user-service/users" not in revision.read_text()
    imported(reading)
