"""A team that edits its spec at random, version after version, with nothing but the verbs.

What was released is remembered as it was, and an event of every released version is kept as it was
recorded. Edits that a verb refuses are taken back, and must have left no trace.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from headwater.errors import UnreadableEventError, UpcastError
from headwater.events import Metadata, RecordedEvent
from headwater_generator.check import load_specs
from headwater_generator.evolution import shape_of_fields
from headwater_generator.evolution.chains import hops_of, way
from headwater_generator.grammar import Spec
from headwater_generator.verbs import breaking, generate, release, version
from hypothesis import strategies as st

from . import random_events
from .random_events import Draft

__all__ = ["Team"]

BUF = Path(sys.executable).with_name("buf")
STREAM = "users"
TYPES = [*random_events.TYPES, "Tone", "Tone", "Tone | null", "Place", "list<Place>"]
STARTED = datetime(2024, 5, 1, 12, tzinfo=UTC)
Verb = Callable[[list[str]], int]


class _Dumper(yaml.SafeDumper):
    """The same value twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class Team:
    """One spec, and what has become of it so far.

    Args:
        root: An empty folder for the project.
        draw: Chooses: `draw` of Hypothesis.
    """

    def __init__(self, root: Path, draw: st.DrawFn) -> None:
        self.root = root
        self.draw = draw
        self.counts: Counter[str] = Counter()
        self.frozen: dict[str, str] = {}
        """What was released, as it was then: schemas, messages and entries of the lock."""
        self.stored: list[RecordedEvent] = []
        self.states: list[Path] = []
        """Protos of each release."""
        self.step = 0
        self.deck: list[tuple[str, Callable[[Team], bool]]] = []
        """What it will do next, from the end."""
        self.path.parent.mkdir(parents=True)
        (root / "pyproject.toml").write_text("[tool.headwater]\n")
        self.write(
            {
                "headwater": 1,
                "service": "user-service",
                "types": {
                    **random_events.DECLARED,
                    "Tone": {"enum": ["calm", "loud"]},
                    "Place": {"fields": {"city": "string"}},
                },
                "streams": {STREAM: {"type": "persistent"}},
                "workflows": {"User": {"stream": STREAM, "events": {"Event0": self._event()}}},
                "commands": {"Add": {"starts": "User", "fields": {"name": "string"}}},
                "subscriptions": {"audit": {"stream": STREAM, "mode": "exclusive"}},
            }
        )
        assert self.run(generate.run)[0] == 0

    @property
    def path(self) -> Path:
        return self.root / "spec" / "user_service.yaml"

    @property
    def package(self) -> Path:
        return self.root / "generated" / "user_service"

    @property
    def lock(self) -> Path:
        return self.root / "spec" / "lock" / "user_service"

    def spec(self) -> Any:
        """The spec as plain data."""
        return yaml.safe_load(self.path.read_text(encoding="utf-8"))

    def write(self, spec: Any) -> None:
        text = yaml.dump(spec, Dumper=_Dumper, sort_keys=False, width=1000)
        self.path.write_text(text, encoding="utf-8")

    def run(self, verb: Verb, *arguments: str) -> tuple[int, str]:
        """Run a verb as the command line does; its status, and what it said."""
        said = io.StringIO()
        with (
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            status = verb(list(arguments))
        return status, said.getvalue()

    # What teams do

    def edit(self) -> None:
        """One random edit, kept if the verbs allow it, and sometimes released."""
        if not self.deck:
            self.deck = list(self.draw(st.permutations(EDITS)))
        self.step += 1
        name, change = self.deck.pop()
        before = self._files()
        if change(self) and self._is_allowed():
            self.counts[name] += 1
        else:
            self.counts["refused"] += 1
            self._take_back(before)
        if self.draw(st.integers(0, 2)):
            self.release()

    def tamper(self) -> None:
        """Change what was released, which must be refused and leave no trace."""
        spec = self.spec()
        released = [
            versions[number]
            for name, event in self._events(spec).items()
            for versions in [{**event.get("history", {}), self._head(event): event}]
            for number in versions
            if f"lock {name}@{number}" in self.frozen
        ]
        if not released:
            return
        one = self.draw(st.sampled_from(released))
        fields = one["fields"]
        if fields:
            name = self.draw(st.sampled_from(sorted(fields)))
            fields[name] = {"type": fields[name], "personal": True}
        else:
            fields["more"] = "string | null"
        before = self._files()
        self.write(spec)
        status, said = self.run(generate.run, "--format", "json")
        assert status == 2, said
        assert "HW904" in said
        assert {**self._files(), self.path: b""} == {**before, self.path: b""}
        self._take_back(before)
        self.counts["tampered"] += 1

    def release(self) -> None:
        """Freeze the drafts; store an event of each version that is new."""
        status, said = self.run(release.run)
        assert status == 0, said
        assert self.run(generate.run, "--check")[0] == 0
        for key, text in self._released():
            if key not in self.frozen:
                self.frozen[key] = text
        known = {(one.name, one.version) for one in self.stored}
        spec = self._loaded()
        for name, event in spec.workflows["User"].events.items():
            if (name, event.version) not in known:
                shape = shape_of_fields(event.fields, spec.types)
                for _ in range(2):
                    self._store(name, event.version, self.draw(random_events.values(shape)))
        self.states.append(
            shutil.copytree(self.package / "proto", self.root / ".states" / str(len(self.states)))
        )

    def _change_event(self) -> bool:
        """The next version of an event, by random ops; or other ops for a draft."""
        spec, event = self._next_version()
        older = event.get("history", {}).get(self._head(event) - 1)
        if older is None:
            event["fields"] = self._event()["fields"]
        elif any("@" in kind for kind in older["fields"].values()):
            return False  # its ops are those of a type's next version
        else:
            draft = Draft(dict(older["fields"]))
            for number in range(self.draw(st.integers(1, 3))):
                fresh = [f"n{self.step}_{number}", f"m{self.step}_{number}"]
                self.draw(st.sampled_from(random_events.OPS))(self.draw, draft, fresh)
            event["fields"] = draft.fields
            event["upcast"] = draft.ops
            if not draft.ops:
                del event["upcast"]
        self.write(spec)
        return True

    def _paste_ops(self) -> bool:
        """Other fields, and the ops that `generate` proposes for them."""
        spec, event = self._next_version()
        if not event.get("history") or "upcast" in event:
            return False
        fields = event["fields"]
        if fields and self.draw(st.booleans()):
            name = self.draw(st.sampled_from(sorted(fields)))
            fields[f"r{self.step}"] = fields.pop(name)
        if fields and self.draw(st.booleans()):
            del fields[self.draw(st.sampled_from(sorted(fields)))]
        if self.draw(st.booleans()):
            fields[f"a{self.step}"] = self.draw(st.sampled_from(TYPES))
        self.write(spec)
        for _ in range(6):
            status, said = self.run(generate.run, "--format", "json")
            problems = json.loads(said).get("problems", [])
            if status == 0:
                return True
            proposed = [
                found[1]
                for one in problems
                if (found := re.match(r"such as - (.*?)(?:   #.*)?$", one.get("hint") or ""))
            ]
            if not proposed:
                return False
            event.setdefault("upcast", []).append(yaml.safe_load(proposed[0]))
            self.write(spec)
            self.counts["proposal"] += 1
        return False

    def _widen_enum(self) -> bool:
        """A new value of an enum, which goes down as one that was there."""
        new = f"tone{self.step}"

        def widen(declared: Any) -> None:
            declared["enum"].append(new)

        return self._change_type(
            "Tone",
            widen,
            lambda name, _: {
                "map_enum": {"field": name, "values": {"calm": "calm"}, "back": {new: "loud"}}
            },
        )

    def _widen_object(self) -> bool:
        """A new field of an object."""
        new = f"part{self.step}"

        def widen(declared: Any) -> None:
            declared["fields"][new] = "string"

        return self._change_type(
            "Place",
            widen,
            lambda name, kind: {
                "each" if kind.startswith("list") else "in": {
                    "field": name,
                    "do": [{"add": {new: "-"}}],
                }
            },
        )

    def _change_type(
        self, name: str, change: Callable[[Any], None], op: Callable[[str, str], Any]
    ) -> bool:
        if any("upcast" in one and not self._is_released(key, one) for key, one in self._all()):
            return False  # ops of drafts would lead to the older form
        if self.run(version.run, name)[0] != 0:
            return False
        spec = self.spec()
        change(spec["types"][name])
        for event in self._events(spec).values():
            past = event.get("history", {}).get(self._head(event) - 1, {"fields": {}})
            ops = [
                op(field, kind)
                for field, kind in event["fields"].items()
                if name in re.findall(r"\w+", kind) and "@" in past["fields"].get(field, "")
            ]
            if ops:
                event["upcast"] = ops
        self.write(spec)
        return True

    def _add_event(self) -> bool:
        spec = self.spec()
        self._events(spec)[f"Event{self.step}"] = self._event()
        self.write(spec)
        return True

    def _change_command(self) -> bool:
        spec = self.spec()
        spec["commands"]["Add"]["fields"][f"c{self.step}"] = {"type": "string", "default": ""}
        self.write(spec)
        return True

    def _pin(self) -> bool:
        """An old reader of one version, beside those that are there."""
        spec = self.spec()
        name = self.draw(st.sampled_from(sorted(self._events(spec))))
        number = self.draw(st.integers(1, self._head(self._events(spec)[name])))
        spec["subscriptions"][f"reader-{self.step}"] = {
            "stream": STREAM,
            "mode": "broadcast",
            "events": [f"{name}@{number}"],
            "handler": False,
        }
        self.write(spec)
        return True

    # What has to hold

    def assert_nothing_released_has_changed(self) -> None:
        """Schemas, messages with their numbers and entries of the lock are as they were."""
        now = dict(self._released())
        for key, text in self.frozen.items():
            assert now.get(key) == text, f"{key} has changed"

    def assert_all_that_was_stored_is_read(self) -> None:
        """At the head and wherever a subscription pins it, but for what ops said they refuse."""
        spec = self._loaded()
        registry = self._service().registry
        events = spec.workflows["User"].events
        pins: dict[str, set[int]] = {}
        for one in spec.subscriptions.values():
            for event in one.events or ():
                name, _, number = str(event).partition("@")
                if number:
                    pins.setdefault(name, set()).add(int(number))
        for recorded in self.stored:
            event = events[recorded.name]
            itself = registry.decode(recorded, {recorded.name: recorded.version})
            assert json.loads(itself.model_dump_json(by_alias=True)) is not None
            hops = hops_of(event, spec.types, lambda *_: None)
            for target in {event.version, *pins.get(recorded.name, ())}:
                between, goes_up = way(hops, recorded.version, target)
                try:
                    read = registry.decode(recorded, {recorded.name: target})
                except (UnreadableEventError, UpcastError):
                    assert any(
                        one.up_refusals if goes_up else one.down_refusals
                        for hop in between
                        for one in hop.effects
                    ) or (not goes_up and any(hop.refusals for hop in between))
                    self.counts["not readable"] += 1
                    continue
                assert read.event_version == target
                self.counts["read"] += 1
                self.counts["read at a pin"] += target != event.version

    def assert_buf_finds_no_break(self) -> None:
        """What is on the wire now can be read by those who know any release, and they by it."""
        for before in self.states[:-1]:
            done = subprocess.run(
                [BUF, "breaking", self.states[-1], "--against", before],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    # The project's files

    def _is_allowed(self) -> bool:
        before = self._files()
        status, _ = self.run(generate.run)
        if status == 2:
            assert self._files() == before, "a refused run wrote something"
        return status == 0 and self.run(breaking.run)[0] == 0

    def _take_back(self, before: dict[Path, bytes]) -> None:
        for path in self._files().keys() - before.keys():
            path.unlink()
        for path, content in before.items():
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)
        assert self.run(generate.run, "--check")[0] == 0

    def _files(self) -> dict[Path, bytes]:
        return {
            path: path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not {".headwater", ".states"} & {*path.parts}
        }

    def _released(self) -> Iterator[tuple[str, str]]:
        """All that was released, as it is now."""
        protos = "".join(
            path.read_text(encoding="utf-8")
            for path in sorted(self.package.rglob("*.proto"))
            if path.name in {"events.proto", "types.proto"}
        )
        for path in sorted(self.lock.glob("*.json")):
            content = json.loads(path.read_text(encoding="utf-8"))
            entries = {content["event"]: content["versions"]} if "event" in content else {}
            for name, versions in (entries or content.get("types", {})).items():
                for entry in versions:
                    if entry["status"] != "released":
                        continue
                    yield f"lock {name}@{entry['version']}", json.dumps(entry)
                    title = f"{name}V{entry['version']}"
                    message = re.search(
                        rf"^(message|enum) {title} \{{.*?^\}}", protos, re.MULTILINE | re.DOTALL
                    )
                    yield f"proto {title}", message[0] if message else ""
                    if "event" in content:
                        schema = self.package / "schemas" / f"{name}.v{entry['version']}.json"
                        yield f"schema {title}", schema.read_text(encoding="utf-8")

    def _service(self) -> Any:
        """The service as it was generated just now, under a name of its own."""
        name = f"step{id(self)}_{self.step}"
        place = importlib.util.spec_from_file_location(
            name, self.package / "__init__.py", submodule_search_locations=[str(self.package)]
        )
        assert place
        assert place.loader
        module = importlib.util.module_from_spec(place)
        sys.modules[name] = module
        try:
            place.loader.exec_module(module)
            return importlib.import_module(f"{name}.service").user_service
        finally:
            for one in [one for one in sys.modules if one.partition(".")[0] == name]:
                del sys.modules[one]

    def _loaded(self) -> Spec:
        [spec] = load_specs([self.path], self.root)
        return spec

    def _store(self, name: str, number: int, fields: Any) -> None:
        offset = len(self.stored) + 1
        self.stored.append(
            RecordedEvent(
                stream=STREAM,
                offset=offset,
                id=UUID(int=offset),
                name=name,
                version=number,
                workflow="User",
                workflow_id=str(UUID(int=7)),
                workflow_version=offset,
                recorded_at=STARTED,
                data=json.dumps(fields).encode(),
                metadata=Metadata(),
            )
        )

    # The spec

    def _event(self) -> dict[str, Any]:
        names = self.draw(
            st.lists(st.sampled_from(random_events.NAMES), min_size=2, max_size=6, unique=True)
        )
        return {"fields": {name: self.draw(st.sampled_from(TYPES)) for name in names}}

    def _next_version(self) -> tuple[Any, Any]:
        """The spec with an event that may be changed, begun anew if it was released."""
        name = self.draw(st.sampled_from(sorted(self._events(self.spec()))))
        if self._is_released(name, self._events(self.spec())[name]):
            status, said = self.run(version.run, name)
            assert status == 0, said
        spec = self.spec()
        return spec, self._events(spec)[name]

    def _is_released(self, name: str, event: Any) -> bool:
        return f"lock {name}@{self._head(event)}" in self.frozen

    def _all(self) -> list[tuple[str, Any]]:
        return list(self._events(self.spec()).items())

    @staticmethod
    def _events(spec: Any) -> dict[str, Any]:
        events: dict[str, Any] = spec["workflows"]["User"]["events"]
        return events

    @staticmethod
    def _head(event: Any) -> int:
        return max(event.get("history", {}), default=0) + 1


EDITS: tuple[tuple[str, Callable[[Team], bool]], ...] = (
    ("ops", Team._change_event),
    ("ops", Team._change_event),
    ("pasted", Team._paste_ops),
    ("pasted", Team._paste_ops),
    ("enum", Team._widen_enum),
    ("object", Team._widen_object),
    ("event", Team._add_event),
    ("command", Team._change_command),
    ("pin", Team._pin),
    ("pin", Team._pin),
)
