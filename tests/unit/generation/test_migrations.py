"""Revisions of a service: ids from content, one draft, and what was released stays as it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from headwater.schema.revisions import branch_of
from headwater_generator import generate
from headwater_generator.problems import SpecError

from tests.support.services import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    one = Project(tmp_path / "one", "orders")
    one.generate()
    return one


def index(project: Project) -> list[str]:
    found: list[str] = json.loads((project.folder / "migrations" / "index.json").read_text())[
        "revisions"
    ]
    return found


def git(root: Path, *arguments: str) -> None:
    me = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *me, *arguments], cwd=root, check=True, capture_output=True)


def test_what_was_not_released_is_one_draft(project: Project) -> None:
    [first] = index(project)
    project.add("      OrderPaid: {fields: {number: int}}")
    project.generate()

    [second] = index(project)
    [(name, text)] = project.revisions().items()

    assert first != second
    assert second.startswith("orders_service.draft")
    assert name == "revision_draft.py"
    assert b'AddStream("orders", "persistent")' in text
    assert text.count(b"AddSchema(") == 2


def test_what_was_released_is_not_changed_any_more(project: Project) -> None:
    project.release()
    [released] = index(project)
    before = project.revisions()
    assert "draft" not in released

    project.add("      OrderPaid: {fields: {number: int}}")
    project.add_stream("offers")
    project.generate()

    assert index(project)[0] == released
    assert index(project)[1].startswith("orders_service.draft")
    after = project.revisions()
    assert {name: after[name] for name in before} == before
    [draft] = after.keys() - before.keys()
    assert b'AddStream("offers", "ephemeral")' in after[draft]
    assert b'"OrderPaid"' in after[draft]
    assert b'"OrderPlaced"' not in after[draft]
    assert f'down_revision = "{released}"'.encode() in after[draft]

    project.release()
    assert {name: project.revisions()[name] for name in before} == before
    assert [one for one in index(project) if "draft" in one] == []
    assert len(index(project)) == 2


def test_moving_the_spec_changes_no_revision(project: Project) -> None:
    project.release()
    before = project.revisions()
    text = (project.root / "pyproject.toml").read_text()
    (project.root / "pyproject.toml").write_text(text.replace("service.yaml", "orders.yaml"))
    project.spec.rename(project.spec.with_name("orders.yaml"))
    project.generate()

    assert project.revisions() == before


def test_descriptions_change_no_revision(project: Project) -> None:
    before = index(project)
    text = project.spec.read_text()
    text = text.replace("{fields: {number: int}}", "{description: New., fields: {number: int}}")
    project.spec.write_text(text)
    project.generate()

    assert index(project) == before


def test_equal_changes_in_two_clones_are_one_revision(project: Project, tmp_path: Path) -> None:
    project.release()
    other = project.copy(tmp_path / "two")
    for one in (project, other):
        one.add("      OrderPaid: {fields: {number: int}}")
        one.release()

    assert index(project) == index(other)
    assert project.revisions() == other.revisions()


def test_what_branches_have_released_apart_is_brought_together(project: Project) -> None:
    """Their locks merge by themselves, and databases of both go on."""
    root = project.root
    project.release()
    [base] = index(project)
    text = project.spec.read_text()
    (root / ".gitattributes").write_text("made_orders/** merge=ours\nspec/*.yaml merge=union\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "merge.ours.driver", "true")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "released")
    released = []
    for branch, event in (("one", "OrderPaid"), ("two", "OrderSent")):
        git(root, "checkout", "-q", "-b", branch, "main")
        project.spec.write_text(text + f"      {event}: {{fields: {{number: int}}}}\n")
        project.release()
        released.append(index(project)[-1])
        git(root, "add", "-A")
        git(root, "commit", "-qm", branch)
    git(root, "merge", "-q", "one")

    project.generate()

    ids = index(project)
    assert ids[0] == base
    assert set(ids[1:3]) == set(released)
    assert ids[3].startswith("orders_service.draft")
    draft = project.revisions()["revision_draft.py"].decode()
    assert f"down_revision = {tuple(sorted(released))}".replace("'", '"') in draft
    assert "OPERATIONS = ()" in draft


def test_only_what_is_named_is_frozen(project: Project) -> None:
    from headwater_generator.versioning import release_drafts

    project.add("      OrderPaid: {fields: {number: int}}")
    project.generate()
    release_drafts(project.root, ["OrderPaid"])
    project.generate()

    released, _ = index(project)
    frozen = project.revisions()[f"revision_{released.partition('.')[2]}.py"]
    assert b'"OrderPaid"' in frozen
    assert b'AddStream("orders"' in frozen
    assert b'"OrderPlaced"' not in frozen
    assert b'"OrderPlaced"' in project.revisions()["revision_draft.py"]


def test_a_lock_of_a_revision_that_was_edited_is_refused(project: Project) -> None:
    project.release()
    [path] = (project.root / "spec" / "lock").glob("*/_revision.*.lock.json")
    path.write_text(path.read_text().replace('"persistent"', '"ephemeral"'))

    with pytest.raises(SpecError) as refused:
        generate(project.root)
    assert [one.code for one in refused.value.problems] == ["HW902"]


def test_a_revision_whose_parent_is_gone_is_refused(project: Project) -> None:
    project.release()
    [first] = (project.root / "spec" / "lock").glob("*/_revision.*.lock.json")
    project.add("      OrderPaid: {fields: {number: int}}")
    project.release()
    first.unlink()

    with pytest.raises(SpecError) as refused:
        generate(project.root)
    assert [one.code for one in refused.value.problems] == ["HW901"]


@pytest.mark.parametrize("name", ["a", "user-service", "a-service-with-quite-a-long-name"])
def test_an_id_fits_alembic_s_column(name: str) -> None:
    assert len(f"{branch_of(name)}.draft01234567") <= 32
    assert branch_of(name) != branch_of(f"{name}-two")
