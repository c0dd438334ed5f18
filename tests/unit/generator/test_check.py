"""Good specs: what they are read into."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.grammar import (
    JSON,
    UNSET,
    Backoff,
    Command,
    EnumType,
    Event,
    Field,
    ListOf,
    MapOf,
    Named,
    Nullable,
    ObjectType,
    Offset,
    Retry,
    Scalar,
    Spec,
    Stream,
    Subscription,
    Timestamp,
    UnionType,
    Unset,
    Workflow,
)
from headwater_generator.grammar.patterns import pattern_fault
from headwater_generator.problems import SpecError
from headwater_generator.verbs import check

SAMPLE = Path(__file__).parents[3] / "spec" / "user_service.yaml"
STRING, INT, UUID = Scalar("string"), Scalar("int"), Scalar("uuid")


def read(folder: Path, spec: str) -> Spec:
    (folder / "spec.yaml").write_text(textwrap.dedent(spec), encoding="utf-8")
    [tree] = load_specs([folder / "spec.yaml"], folder)
    return tree


def defaults(fields: Mapping[str, Field]) -> dict[str, JSON | Unset]:
    return {name: field.default for name, field in fields.items()}


def test_a_spec_is_read_into_its_tree(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        spec="""
            headwater: 1
            service: user-service
            x-team: growth
            types:
              Role: {enum: [member, admin], description: What one may do.}
              Contact: {one_of: [Email], tag: kind}
              Email: {fields: {address: {type: email, personal: true, maxLength: 80}}}
            streams:
              users: {type: persistent, delivery: at-most-once}
              mails: {type: ephemeral}
            workflows:
              User:
                stream: users
                events:
                  UserAdded: {fields: {user_id: int, roles: "list<Role>"}}
                  UserRemoved: {terminal: true}
              Mail:
                stream: mails
                events: {MailSent: {fields: {notes: map<string | null> | null}}}
            commands:
              AddUser: {starts: User, id: user_id, fields: {user_id: int}, result: list<string>}
              RemoveUser: {continues: User, fields: {user_id: int}, emits: [UserRemoved]}
              PutUser: {starts_or_continues: User, by: key, fields: {key: uuid}, validate: true}
              ImportUsers: {stream: users}
            subscriptions:
              audit: {stream: users, mode: broadcast, start: {offset: 7}, handler: false}
              since: {stream: users, mode: broadcast, start: {timestamp: 2024-05-01T12:00:00Z}}
              mailer:
                stream: mails
                mode: exclusive
                delivery: at-least-once
                events: [MailSent]
                retry: {attempts: 3, backoff: {initial: 500ms, max: 5m}}
                ack_timeout: 2m
                concurrency: 8
                metadata: {team: growth}
            """,
    )

    assert spec == Spec(
        headwater=1,
        service="user-service",
        types={
            "Role": EnumType(description="What one may do.", values=("member", "admin")),
            "Contact": UnionType(members=("Email",), tag="kind"),
            "Email": ObjectType(
                fields={
                    "address": Field(
                        type=Scalar("email"), personal=True, constraints={"maxLength": 80}
                    )
                }
            ),
        },
        streams={
            "users": Stream(type="persistent", delivery="at-most-once"),
            "mails": Stream(type="ephemeral", delivery="at-least-once"),
        },
        workflows={
            "User": Workflow(
                stream="users",
                events={
                    "UserAdded": Event(
                        fields={
                            "user_id": Field(type=INT),
                            "roles": Field(type=ListOf(Named("Role"))),
                        }
                    ),
                    "UserRemoved": Event(terminal=True, fields={}),
                },
            ),
            "Mail": Workflow(
                stream="mails",
                events={
                    "MailSent": Event(
                        fields={"notes": Field(type=Nullable(MapOf(Nullable(STRING))))}
                    )
                },
            ),
        },
        commands={
            "AddUser": Command(
                starts="User",
                id="user_id",
                fields={"user_id": Field(type=INT)},
                result=ListOf(STRING),
            ),
            "RemoveUser": Command(
                continues="User", fields={"user_id": Field(type=INT)}, emits=("UserRemoved",)
            ),
            "PutUser": Command(
                starts_or_continues="User",
                by="key",
                fields={"key": Field(type=UUID)},
                validate=True,
            ),
            "ImportUsers": Command(stream="users"),
        },
        subscriptions={
            "audit": Subscription(
                stream="users", mode="broadcast", start=Offset(offset=7), handler=False
            ),
            "since": Subscription(
                stream="users",
                mode="broadcast",
                start=Timestamp(timestamp=datetime(2024, 5, 1, 12, tzinfo=UTC)),
            ),
            "mailer": Subscription(
                stream="mails",
                mode="exclusive",
                delivery="at-least-once",
                events=("MailSent",),
                start="latest",
                retry=Retry(attempts=3, backoff=Backoff(initial=0.5, maximum=300.0)),
                ack_timeout=120.0,
                concurrency=8,
                metadata={"team": "growth"},
            ),
        },
        path="spec.yaml",
        files=("spec.yaml",),
    )
    kinds = {name: (command.kind, command.target) for name, command in spec.commands.items()}
    assert kinds == {
        "AddUser": ("starts", "User"),
        "RemoveUser": ("continues", "User"),
        "PutUser": ("starts_or_continues", "User"),
        "ImportUsers": ("stream", "users"),
    }


def test_the_sample_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run([str(SAMPLE)]) == 0

    told = "user-service is right (2 workflows, 5 events, 5 commands, 4 subscriptions)"
    assert capsys.readouterr().out == f"spec/user_service.yaml: {told}\n"


def test_defaults_are_told_as_on_the_wire(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        spec="""
            headwater: 1
            service: s
            types:
              Role: {enum: [member, "no"]}
              Money: {fields: {amount: decimal, currency: {type: string, default: EUR}}}
              Contact: {one_of: [Mail], tag: kind}
              Mail: {fields: {address: email}}
              All:
                fields:
                  none: int
                  text: {type: string, default: "no"}
                  empty: {type: string, default: ""}
                  lines: {type: string, default: "a\\n\\tb 日"}
                  int: {type: int, default: -7}
                  float: {type: float, default: 1e3}
                  whole: {type: float, default: 2}
                  bool: {type: bool, default: false}
                  decimal: {type: decimal, default: 12.50}
                  quoted: {type: decimal, default: "0.10"}
                  date: {type: date, default: 2024-05-01}
                  time: {type: time, default: "12:30"}
                  plain_time: {type: time, default: 12:30:15}
                  datetime: {type: datetime, default: 2024-05-01T12:00:00Z}
                  duration: {type: duration, default: 90s}
                  short: {type: duration, default: 100ms}
                  day: {type: duration, default: 1d}
                  iso: {type: duration, default: P1DT2H}
                  bytes: {type: bytes, default: aGVsbG8=}
                  uri: {type: uri, default: "https://example.com/ü"}
                  role: {type: Role, default: "no"}
                  roles: {type: list<Role>, default: [member]}
                  scores: {type: map<int>, default: {a: 1}}
                  money: {type: Money, default: {amount: 1}}
                  contact: {type: Contact, default: {kind: Mail, address: a@example.com}}
                  maybe: {type: string | null, default: null}
                  json: {type: json, default: {a: [1, 2.5, null, true, x]}}
            """,
    )
    declared = spec.types["All"]
    assert isinstance(declared, ObjectType)

    assert defaults(declared.fields) == {
        "none": UNSET,
        "text": "no",
        "empty": "",
        "lines": "a\n\tb 日",
        "int": -7,
        "float": 1000.0,
        "whole": 2,
        "bool": False,
        "decimal": "12.50",
        "quoted": "0.10",
        "date": "2024-05-01",
        "time": "12:30",
        "plain_time": "12:30:15",
        "datetime": "2024-05-01T12:00:00Z",
        "duration": "PT90S",
        "short": "PT0.1S",
        "day": "PT86400S",
        "iso": "P1DT2H",
        "bytes": "aGVsbG8=",
        "uri": "https://example.com/ü",
        "role": "no",
        "roles": ["member"],
        "scores": {"a": 1},
        "money": {"amount": "1"},
        "contact": {"kind": "Mail", "address": "a@example.com"},
        "maybe": None,
        "json": {"a": [1, 2.5, None, True, "x"]},
    }


def test_a_folder_of_files_is_one_spec(tmp_path: Path) -> None:
    for name, text in {
        "spec/b.yaml": (
            "headwater: 1\nservice: s\nimports: [../shared/money.yaml]\ntypes: {A: {enum: [a]}}\n"
        ),
        "spec/a.yaml": (
            "headwater: 1\nimports: [../shared/x.yaml]\ntypes: {B: {fields: {a: A, m: Money}}}\n"
        ),
        "shared/money.yaml": "headwater: 1\ntypes: {Money: {fields: {amount: decimal}}}\n",
        "shared/x.yaml": "headwater: 1\ntypes: {X: {fields: {money: Money}}}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    [spec] = load_specs([tmp_path / "spec"], tmp_path)

    assert set(spec.types) == {"A", "B", "Money", "X"}
    assert spec.path == "spec"
    assert spec.files == ("shared/money.yaml", "shared/x.yaml", "spec/a.yaml", "spec/b.yaml")


def test_two_services_may_import_one_file(tmp_path: Path) -> None:
    (tmp_path / "money.yaml").write_text("headwater: 1\ntypes: {Money: {fields: {amount: int}}}\n")
    paths = []
    for name in ("orders", "invoices"):
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(f"headwater: 1\nservice: {name}\nimports: [money.yaml]\n")

    specs = load_specs(paths, tmp_path)

    assert [spec.service for spec in specs] == ["orders", "invoices"]
    assert specs[0].types == specs[1].types


def test_a_mistake_in_a_shared_file_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "money.yaml").write_text("headwater: 1\ntypes: {Money: {fields: {amount: itn}}}\n")
    paths = []
    for name in ("orders", "invoices"):
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(f"headwater: 1\nservice: {name}\nimports: [money.yaml]\n")

    with pytest.raises(SpecError) as caught:
        load_specs(paths, tmp_path)

    [problem] = caught.value.problems
    assert (problem.code, problem.file) == ("HW401", "money.yaml")


def test_types_may_refer_to_themselves_where_a_value_may_end(tmp_path: Path) -> None:
    read(
        tmp_path,
        spec="""
            headwater: 1
            service: s
            types:
              Folder: {fields: {parent: Folder | null, folders: list<Folder>, by_name: map<Folder>}}
              Tree: {one_of: [Leaf, Node], tag: kind}
              Leaf: {fields: {value: int}}
              Node: {fields: {children: list<Tree>}}
            """,
    )


def test_nested_quantifiers_are_harmless(tmp_path: Path) -> None:
    """The engine takes linear time, where a backtracking one would not end in this century."""
    begun = time.process_time()
    with pytest.raises(SpecError) as caught:
        read(
            tmp_path,
            spec=f"""
                headwater: 1
                service: s
                types:
                  A: {{fields: {{a: {{type: string, pattern: '^(a+)+$', default: {"a" * 5000}b}}}}}}
                """,
        )

    assert [problem.code for problem in caught.value.problems] == ["HW407"]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{3}$",
        r"^(?:a|b)+?$",
        r"^(?<year>[0-9]{4})-[\w.\-]*$",
        r"^\p{L}+\s\d*$",
        r"\p{Script=Greek}",
        r"^\u00e9{2,}\x41$",
        r"\(\[\{\\",
        r"^[^\]\[]*$",
        "[+*?{}()^$|.-]",
        r"\*+\bword\b",
    ],
)
def test_a_pattern_that_other_languages_read_alike_is_taken(pattern: str) -> None:
    assert pattern_fault(pattern) is None


def test_a_spec_of_twenty_thousand_lines_is_read(tmp_path: Path) -> None:
    lines = ["headwater: 1", "service: s", "streams: {log: {type: persistent}}", "workflows:"]
    for number in range(2_000):
        if number % 20 == 0:
            lines += [f"  Flow{number}:", "    stream: log", "    events:"]
        lines += [f"      Event{number}Happened:", "        fields:"]
        lines += [f"          field_{index}: {{type: string, maxLength: 80}}" for index in range(8)]
    (tmp_path / "spec.yaml").write_text("\n".join(lines))
    assert len(lines) > 20_000

    [spec] = load_specs([tmp_path / "spec.yaml"], tmp_path)

    assert sum(len(workflow.events) for workflow in spec.workflows.values()) == 2_000


def test_nothing_depends_on_the_order_of_sets(tmp_path: Path) -> None:
    """Problems and trees are the same in every process, whatever its hash seed."""
    import subprocess
    import sys

    (tmp_path / "spec.yaml").write_text(
        "headwater: 1\nservice: s\nstreams: {a: {type: persistent}, A: {type: ephemeral}}\n"
        "workflows:\n  U: {stream: a, events: {Ab: {}, AB: {}, aB: {}}}\n"
        "  V: {stream: a, events: {Ab: {}, Cd: {}, CD: {}}}\n"
        "commands: {AB: {starts: W, emits: [Z, Y]}, Ab: {stream: b}}\n"
    )
    outputs = {
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from headwater_generator.verbs.check import run; run(['spec.yaml'])",
            ],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stderr
        for seed in range(3)
    }

    assert len(outputs) == 1
    assert "error[HW305]" in outputs.pop()
