"""A small project to generate from, and packages built from literals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from headwater_generator import Report, generate
from headwater_generator.grammar import Spec
from headwater_generator.model.annotations import Annotations
from headwater_generator.model.forms import forms_of
from headwater_generator.model.package import build
from headwater_generator.model.parts import Package
from headwater_generator.model.places import Places

SPEC = """\
headwater: 1
service: user-service
description: Users.
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
      UserAdded: {fields: {user_id: int, name: string}}
      UserRemoved: {terminal: true, fields: {user_id: int}}
commands:
  AddUser: {starts: User, id: user_id, fields: {user_id: int, name: string}, emits: [UserAdded]}
subscriptions:
  audit: {stream: users, mode: exclusive}
"""


class Project:
    """A folder with a spec in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spec = root / "spec" / "user_service.yaml"
        self.package = root / "generated" / "user_service"
        self.handlers = root / "services" / "user_service" / "handlers"
        self.spec.parent.mkdir(parents=True)
        self.configure("[tool.headwater]\n")
        self.spec.write_text(SPEC)

    def configure(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(text)

    def change(self, old: str, new: str) -> None:
        text = self.spec.read_text()
        assert old in text
        self.spec.write_text(text.replace(old, new))

    def generate(self, **options: object) -> Report:
        return generate(self.root, **options)  # type: ignore[arg-type]

    def files(self) -> dict[str, bytes]:
        """Return every file but the spec and what git ignores."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".headwater" not in path.parts
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def built(tmp_path: Path) -> Callable[[Spec], Package]:
    """Build the package of a spec that is given as a literal."""

    def build_package(spec: Spec) -> Package:
        annotations = Annotations()
        annotations.resolve(forms_of(spec))
        places = Places.settle(
            spec.service,
            root=tmp_path,
            out=tmp_path / "generated",
            package="generated.{service}",
            handlers="services.{service}.handlers",
        )
        return build(spec, places, annotations)

    return build_package
