"""Verdicts, breaks and changes: each promise by its own case, against locks and real commits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from headwater_generator.compatibility import MODES, Comparison, Mode, accept, compare
from headwater_generator.problems import SpecError
from headwater_generator.verbs import breaking, diff
from headwater_generator.versioning import release_drafts

from .conftest import Project

HEAD = """\
headwater: 1
service: user-service
types:
  Role: {enum: [member, admin]}
  Plan: {enum: [free, paid, trial]}
streams: {users: {type: persistent}}
workflows:
  User:
    stream: users
    events:
"""
TAIL = """\
commands:
  AddUser: {starts: User, id: user_id, fields: {user_id: int, name: string}, emits: [UserAdded]}
subscriptions:
  audit: {stream: users, mode: exclusive}
"""
BEFORE = "      UserAdded: {fields: {user_id: int, name: string}}\n"


def event(fields: str, upcast: str = "", before: str = "user_id: int, name: string") -> str:
    ops = f", upcast: [{upcast}]" if upcast else ""
    past = f"history: {{1: {{fields: {{{before}}}}}}}"
    return f"      UserAdded: {{fields: {{{fields}}}{ops}, {past}}}\n"


def write(project: Project, events: str, tail: str = TAIL) -> None:
    project.spec.write_text(HEAD + events + tail)


def released(project: Project, events: str = BEFORE, tail: str = TAIL) -> None:
    write(project, events, tail)
    project.generate()
    release_drafts(project.root)


def move(project: Project, edits: list[tuple[str, str]]) -> None:
    for old, new in edits:
        project.change(old, new)


def compared(project: Project, against: str | None = None) -> Comparison:
    [one] = compare(project.root, against)
    return one


def holding(project: Project) -> set[Mode]:
    [one] = [each for each in compared(project).events if each.name == "UserAdded"]
    return {mode for mode in MODES if one.verdicts[mode].holds}


def earned(project: Project, mode: Mode) -> tuple[str, ...]:
    return compared(project).events[0].verdicts[mode].earned


def broken(project: Project, mode: Mode) -> tuple[str, ...]:
    return compared(project).events[0].verdicts[mode].breaks


BACKWARD: set[Mode] = {"backward", "backward-transitive"}
FORWARD: set[Mode] = {"forward", "forward-transitive"}
ALL: set[Mode] = set(MODES)
N = "user_id: int, name: string"


@pytest.mark.parametrize(
    ("before", "fields", "upcast", "holds"),
    [
        pytest.param(N, "user_id: int, full: string", "rename: {name: full}", ALL, id="rename"),
        pytest.param(N, f"{N}, note: string", 'add: {note: ""}', ALL, id="add"),
        pytest.param(N, "user_id: int", 'drop: {name: ""}', ALL, id="drop with a value to restore"),
        pytest.param(N, "user_id: int", "drop: [name]", BACKWARD, id="drop for good"),
        pytest.param(N, "user_id: int, name: string | null", "", BACKWARD, id="wider"),
        pytest.param(
            "user_id: int, role: Role",
            "user_id: int, role: Plan",
            "map_enum: {field: role, values: {member: free, admin: paid}}",
            BACKWARD,
            id="a value that goes down to none",
        ),
        pytest.param(
            "user_id: int, role: Role",
            "user_id: int, role: Plan",
            "map_enum: {field: role, values: {member: free, admin: paid}, back: {trial: member}}",
            ALL,
            id="a value with a way back",
        ),
        pytest.param(
            "user_id: int, age: string",
            "user_id: int, age: int",
            "convert: {age: string_to_int}",
            FORWARD,
            id="a text that may be no number",
        ),
        pytest.param(
            "user_id: int, age: int",
            "user_id: int, age: string",
            "convert: {age: int_to_string}",
            BACKWARD,
            id="a number that any text is to become",
        ),
        pytest.param(
            "user_id: int, tags: list<string>",
            "user_id: int, tags: string",
            "head: {field: tags}",
            FORWARD,
            id="the first of a list that may be empty",
        ),
    ],
)
def test_a_verdict_counts_ops_as_readers(
    before: str, fields: str, upcast: str, holds: set[Mode], project: Project
) -> None:
    released(project, f"      UserAdded: {{fields: {{{before}}}}}\n")
    write(project, event(fields, upcast, before))

    assert holding(project) == holds
    if holds >= BACKWARD and upcast:
        assert earned(project, "backward")[0].startswith(upcast.split(":", maxsplit=1)[0])


def test_what_is_refused_both_ways_is_nothing(project: Project) -> None:
    before = "user_id: int, age: string, note: string"
    released(project, f"      UserAdded: {{fields: {{{before}}}}}\n")
    write(
        project,
        event(
            "user_id: int, age: int", "convert: {age: string_to_int}, drop: [note]", before
        ).replace(
            "upcast: [convert: {age: string_to_int}, drop: [note]]",
            "upcast: [{convert: {age: string_to_int}}, {drop: [note]}]",
        ),
    )

    assert holding(project) == set()
    assert compared(project).events[0].order.startswith("in no order")


MOVING = """\
headwater: 1
service: user-service
streams:
  users: {type: persistent}
  people: {type: persistent}
workflows:
  User: {stream: users, events: {UserAdded: {fields: {user_id: int}}, UserGone: {}}}
  Session: {stream: users, events: {SessionBegun: {}}}
  Person: {stream: people, events: {PersonAdded: {}}}
subscriptions:
  audit: {stream: users, mode: exclusive}
  roster: {stream: people, mode: exclusive}
"""
ADDED = "UserAdded: {fields: {user_id: int}}, "
MOVES = {
    "a workflow to another stream": [("User: {stream: users", "User: {stream: people")],
    "an event to another workflow": [
        (ADDED, ""),
        ("PersonAdded: {}", f"{ADDED}PersonAdded: {{}}"),
    ],
    "a workflow to another name": [("  User: {", "  Member: {")],
}
TO_PEOPLE = "UserAdded moved to stream people, and recorded ones stay in users"
FROM_USERS = "UserAdded moved to stream people, and readers of users get no more of it"
TO_PERSON = "UserAdded moved to workflow Person, and recorded ones belong to instances of User"
TO_MEMBER = "UserAdded moved to workflow Member, and recorded ones belong to instances of User"


@pytest.mark.parametrize(
    ("what", "unread", "unserved"),
    [
        ("a workflow to another stream", [TO_PEOPLE], [FROM_USERS]),
        ("an event to another workflow", [TO_PEOPLE, TO_PERSON], [FROM_USERS]),
        ("a workflow to another name", [TO_MEMBER], []),
    ],
)
@pytest.mark.parametrize("against", [None, "main"])
def test_an_event_that_moved_is_not_where_its_readers_look(
    against: str | None, what: str, unread: list[str], unserved: list[str], project: Project
) -> None:
    """Who read it by its old stream is told, as is who reads it from now on."""
    git(project.root, "init", "--quiet", "--initial-branch=main")
    project.spec.write_text(MOVING)
    project.generate()
    release_drafts(project.root)
    commit(project)
    move(project, MOVES[what])

    one = next(one for one in compared(project, against).events if one.name == "UserAdded")

    assert one.is_changed
    for mode in ("backward", "backward-transitive"):
        assert list(one.verdicts[mode].breaks) == unread
    for mode in ("forward", "forward-transitive"):
        assert list(one.verdicts[mode].breaks) == unserved
    assert list(one.verdicts["full"].breaks) == [*unread, *unserved]
    readers = ("roster at 1", "audit no more") if unserved else ("audit at 1",)
    assert one.readers == readers
    assert {problem.line for problem in compared(project, against).problems} <= {7, 9}
    assert {problem.code for problem in compared(project, against).problems} == {"HW910"}


def test_a_move_is_accepted_and_with_the_release_it_is_where_others_know_it(
    project: Project,
) -> None:
    project.spec.write_text(MOVING)
    project.generate()
    release_drafts(project.root)
    move(project, MOVES["a workflow to another stream"])
    project.generate()
    assert len(compared(project).problems) == 2  # of each event of the workflow

    accept(project.root, "the old stream is retired")

    assert compared(project).problems == ()
    assert release_drafts(project.root, ["UserAdded"]) == (
        "UserAdded in workflow User and stream people",
    )
    assert [one.is_changed for one in compared(project).events] == [False, True, False, False]
    project.change("User: {stream: people", "User: {stream: users")
    [problem] = compared(project).problems
    assert problem.message.endswith("moved to stream users, and recorded ones stay in people")


def test_a_move_that_is_made_a_second_time_is_accepted_a_second_time(project: Project) -> None:
    """Between the two the event was back, and released there: others rely on that again."""
    there = ("User: {stream: users", "User: {stream: people")
    project.spec.write_text(MOVING)
    project.generate()
    release_drafts(project.root)
    for before, after in (there, there[::-1]):
        project.change(before, after)
        project.generate()
        accept(project.root, "for a while")
        release_drafts(project.root)
        assert compared(project).problems == ()

    project.change(*there)

    assert [one.is_accepted for one in compared(project).breaks] == [False, False]
    project.generate()
    accept(project.root, "once more")
    assert [one.reason for one in compared(project).breaks] == ["once more", "once more"]


def test_against_a_commit_only_what_was_settled_since_then_is_accepted(project: Project) -> None:
    """The first time the move is older than the commit, the second time it is not."""
    git(project.root, "init", "--quiet", "--initial-branch=main")
    there = ("User: {stream: users", "User: {stream: people")
    project.spec.write_text(MOVING)
    project.generate()
    release_drafts(project.root)
    commit(project)
    for before, after in (there, there[::-1]):
        project.change(before, after)
        project.generate()
        accept(project.root, "for a while")
        release_drafts(project.root)
        commit(project)
    assert compared(project, "HEAD~1").problems == ()

    project.change(*there)
    project.generate()

    assert [one.is_accepted for one in compared(project, "HEAD").breaks] == [False, False]
    accept(project.root, "once more", "HEAD")
    release_drafts(project.root)
    commit(project)
    assert [one.reason for one in compared(project, "HEAD~1").breaks] == ["once more"] * 2


def test_what_no_release_makes_unseen_stays_accepted(project: Project) -> None:
    """A break with a version before the last is there for as long as that version is."""
    released(project)
    write(project, DROPPED)
    project.change("type: persistent", "type: persistent, compatibility: full-transitive")
    project.generate()
    accept(project.root, "nobody pins version 1")

    release_drafts(project.root)

    assert {one.reason for one in compared(project).breaks} == {"nobody pins version 1"}


def test_a_draft_moves_freely(project: Project) -> None:
    project.spec.write_text(MOVING)
    project.generate()
    move(project, MOVES["a workflow to another stream"])
    project.generate()

    assert compared(project).problems == ()


def test_diff_shows_where_an_event_has_moved(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    project.spec.write_text(MOVING)
    project.generate()
    release_drafts(project.root)
    move(project, MOVES["an event to another workflow"])

    assert diff.run([]) == 0

    assert capsys.readouterr().out == (
        "user-service against what was released\n"
        "  event UserAdded: changed\n"
        "    ~ workflow: User -> Person\n"
        "    ~ stream: users -> people\n"
    )


def test_nothing_changed_is_everything_by_no_op(project: Project) -> None:
    released(project)

    [one] = compared(project).events
    assert (holding(project), one.is_changed, earned(project, "full")) == (ALL, False, ())


def test_a_new_event_breaks_nobody(project: Project) -> None:
    released(project)
    write(project, f"{BEFORE}      UserRemoved: {{terminal: true}}\n")

    one = compared(project)
    assert (one.events[1].before, one.events[1].now, one.problems) == (None, 1, ())


def test_an_event_that_is_gone_breaks_who_reads_recorded_ones(project: Project) -> None:
    released(project, f"{BEFORE}      UserRemoved: {{terminal: true}}\n")
    write(project, BEFORE)

    one = compared(project)
    gone = next(each for each in one.events if each.name == "UserRemoved")
    assert {mode for mode in MODES if gone.verdicts[mode].holds} == FORWARD
    assert gone.order == "producers first, then consumers"
    assert [problem.code for problem in one.problems] == ["HW910"]


def test_a_released_version_that_was_edited_is_judged_field_by_field(project: Project) -> None:
    released(project)
    write(project, "      UserAdded: {fields: {user_id: int, full: string}}\n")

    assert holding(project) == set()
    assert broken(project, "backward") == (
        "UserAdded@1 was changed in place: name is gone",
        "UserAdded@1 was changed in place: full is new and required",
    )


def test_transitive_looks_at_every_version_and_plain_at_the_newest(project: Project) -> None:
    """Version 2 dropped a field for good, version 3 renames one: that can be undone down to 2."""
    second = event("user_id: int", "drop: [name]")
    released(project)
    released(project, second)
    write(
        project,
        "      UserAdded: {fields: {number: int}, upcast: [rename: {user_id: number}], history: {"
        "1: {fields: {user_id: int, name: string}}, "
        "2: {fields: {user_id: int}, upcast: [drop: [name]]}}}\n",
    )

    assert holding(project) == {"backward", "backward-transitive", "forward", "full"}
    [why] = broken(project, "forward-transitive")
    assert why.startswith("no way down (2 to 1): drop [name] cannot be undone")


def test_the_op_that_earned_a_verdict_is_named(project: Project) -> None:
    released(project)
    write(project, event(f"{N}, note: string", 'add: {note: ""}'))

    assert earned(project, "backward") == ('add {note: ""} (1 to 2)',)
    [down] = earned(project, "forward")
    assert down.startswith('add {note: ""} undone (2 to 1); note: ')


@pytest.mark.parametrize(
    ("fields", "upcast", "order"),
    [
        ("user_id: int, full: string", "rename: {name: full}", "in any order"),
        ("user_id: int", "drop: [name]", "consumers first, then producers"),
    ],
)
def test_the_order_of_deployment_follows_and_readers_are_told(
    fields: str, upcast: str, order: str, project: Project
) -> None:
    released(project)
    write(project, event(fields, upcast))

    [one] = compared(project).events
    assert (one.order, one.readers) == (order, ("audit at 2",))


def test_a_pinned_reader_is_told_with_its_version(project: Project) -> None:
    tail = f"{TAIL}  old: {{stream: users, mode: broadcast, events: [UserAdded@1]}}\n"
    released(project, tail=tail)
    write(project, event("user_id: int, full: string", "rename: {name: full}"), tail)

    assert compared(project).events[0].readers == ("audit at 2", "old, pinned at 1")


def command(fields: str, more: str = "") -> str:
    return TAIL.replace("fields: {user_id: int, name: string}", f"fields: {{{fields}}}{more}")


@pytest.mark.parametrize(
    ("before", "now", "breaks"),
    [
        (N, f"{N}, note: string", ["note is new and required"]),
        (N, f"{N}, note: {{type: string, default: x}}", []),
        (N, f"{N}, note: string | null", []),
        (N, "user_id: int", ["name is gone"]),
        (N, "user_id: int, name: {type: string, default: x}", []),
        ("user_id: int, name: {type: string, default: x}", N, ["name is required now"]),
        (N, "user_id: int, name: string | null", []),
        ("user_id: int, name: string | null", N, ["name is required now", "name may not be null"]),
        (N, "user_id: int, name: {type: string, maxLength: 9}", ["name is another: maxLength: 9"]),
        ("user_id: int, name: {type: string, maxLength: 9}", N, []),
        (N, "user_id: int, name: int", ["name is another: string is not int"]),
        ("user_id: int, name: int", "user_id: int, name: float", []),
        (
            "user_id: int, name: Plan",
            "user_id: int, name: Role",
            ['name may not be "free"', "", ""],
        ),
        (
            "user_id: int, name: list<Plan>",
            "user_id: int, name: {type: list<Plan>, maxItems: 3}",
            ["name is another: maxItems: 3"],
        ),
        (
            "user_id: int, name: map<Old>",
            "user_id: int, name: map<New>",
            ["name{}.a is required now", "name{}.b is new and required"],
        ),
    ],
)
def test_a_body_that_was_accepted_must_be(
    before: str, now: str, breaks: list[str], project: Project
) -> None:
    types = (
        "  Old: {fields: {a: {type: int, default: 1}}}\n  New: {fields: {a: int, b: int}}\nstreams:"
    )
    write(project, BEFORE, command(before))
    project.change("streams:", types)
    project.generate()
    release_drafts(project.root)
    write(project, BEFORE, command(now))
    project.change("streams:", types)

    [found] = compared(project).commands
    assert len(found.breaks) == len(breaks)
    for told, expected in zip(found.breaks, breaks, strict=True):
        assert told.startswith(expected)


@pytest.mark.parametrize(
    ("before", "now", "breaks"),
    [
        ("Role", "Role | null", ["the result is another: it may be null"]),
        ("Role | null", "Role", []),
        ("list<int>", "list<string>", ["the result is another: string is not int"]),
        ("int", "", ["the result is gone"]),
        ("", "int", ["the result is int now"]),
    ],
)
def test_a_result_must_be_readable_by_callers_as_they_are(
    before: str, now: str, breaks: list[str], project: Project
) -> None:
    released(project, tail=command(N, f", result: {before}" if before else ""))
    write(project, BEFORE, command(N, f", result: {now}" if now else ""))

    [found] = compared(project).commands
    assert found.is_changed
    assert len(found.breaks) == len(breaks)
    for told, expected in zip(found.breaks, breaks, strict=True):
        assert told.startswith(expected)


def test_of_commands_the_service_goes_first_where_old_services_refuse(project: Project) -> None:
    released(project)
    write(project, BEFORE, command(f"{N}, note: string | null"))

    assert compared(project).commands[0].order == "the service first, then its callers"


def test_a_command_that_is_gone_breaks_its_callers(project: Project) -> None:
    released(project)
    write(project, BEFORE, "")

    [problem] = compared(project).problems
    assert problem.message == "callers of AddUser break: the command is gone"


# The mode that is wanted


DROPPED = event("user_id: int", "drop: [name]")  # holds backward, and not forward


@pytest.mark.parametrize(
    ("service", "stream", "wanted"),
    [
        ("", "", "backward-transitive"),
        ("full", "", "full"),
        ("", "forward", "forward"),
        ("full", "backward", "backward"),
        ("backward", "forward-transitive", "forward-transitive"),
    ],
)
def test_a_stream_or_else_the_service_says_what_is_wanted(
    service: str, stream: str, wanted: str, project: Project
) -> None:
    released(project)
    write(project, DROPPED)
    if service:
        project.change("types:", f"compatibility: {service}\ntypes:")
    if stream:
        project.change("type: persistent", f"type: persistent, compatibility: {stream}")

    problems = compared(project).problems

    if wanted.startswith("backward"):
        assert problems == ()
    else:
        [problem] = problems
        assert problem.message.startswith(f"UserAdded is not {wanted}: no way down (2 to 1)")


def test_a_mode_that_is_none_is_told_with_its_key(project: Project) -> None:
    write(project, BEFORE)
    project.change("type: persistent", "type: persistent, compatibility: backwards")

    with pytest.raises(SpecError, match="backward") as caught:
        compare(project.root)
    [problem] = caught.value.problems
    assert "compatibility" in problem.text


# Accepting


def test_a_break_is_accepted_with_its_reason_and_the_next_one_is_told(project: Project) -> None:
    released(project)
    write(project, BEFORE, command(f"{N}, note: string"))

    accept(project.root, "one caller, and it is ours")

    [one] = compared(project).breaks
    assert (one.reason, compared(project).problems) == ("one caller, and it is ours", ())
    project.generate()  # keeps what was accepted
    assert compared(project).problems == ()
    write(project, BEFORE, command(f"{N}, note: string, more: string"))
    [problem] = compared(project).problems
    assert "more is new and required" in problem.message


def test_what_was_accepted_once_is_told_again_after_another_release(project: Project) -> None:
    released(project)
    write(project, BEFORE, command("user_id: int"))
    accept(project.root, "nobody names users any more")
    project.generate()
    release_drafts(project.root)
    write(project, BEFORE, command("user_id: int, name: string | null"))
    project.generate()
    release_drafts(project.root)
    write(project, BEFORE, command("user_id: int"))

    [problem] = compared(project).problems
    assert problem.message == "callers of AddUser break: name is gone"


def test_accepting_twice_writes_once(project: Project) -> None:
    released(project)
    write(project, BEFORE, command("user_id: int"))
    accept(project.root, "why")
    before = project.files()

    assert accept(project.root, "again") == []
    assert project.files() == before


# Against a ref


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project: Project) -> Project:
    write(project, BEFORE)
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "first")
    return project


def commit(project: Project) -> None:
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "more")


def test_a_ref_is_compared_at_the_commit_where_the_branches_parted(repository: Project) -> None:
    """What main added since is nothing that the branch took away."""
    git(repository.root, "checkout", "-qb", "mine")
    write(repository, BEFORE, command(f"{N}, note: string | null"))
    commit(repository)
    git(repository.root, "checkout", "-q", "main")
    write(repository, f"{BEFORE}      UserRemoved: {{terminal: true}}\n")
    commit(repository)
    git(repository.root, "checkout", "-q", "mine")

    one = compared(repository, "main")

    assert [each.name for each in one.events] == ["UserAdded"]
    assert (one.events[0].is_changed, one.problems) == (False, ())
    assert one.baseline.label == f"main as of {git(repository.root, 'rev-parse', 'main~1')[:10]}"


def test_what_is_not_committed_yet_counts(repository: Project) -> None:
    write(repository, "      UserAdded: {fields: {user_id: int}}\n")

    assert [each.message for each in compared(repository, "main").problems] == [
        "UserAdded is not backward-transitive: UserAdded@1 was changed in place: name is gone"
    ]


def test_imports_and_settings_are_those_of_then(repository: Project) -> None:
    (repository.root / "shared.yaml").write_text("headwater: 1\ntypes: {Size: {enum: [s, m]}}\n")
    events = "      UserAdded: {fields: {user_id: int, size: Size}}\n"
    write(repository, events)
    repository.change("types:", "imports: [../shared.yaml]\ntypes:")
    commit(repository)
    (repository.root / "shared.yaml").write_text("headwater: 1\ntypes: {Size: {enum: [s]}}\n")
    repository.configure('[tool.headwater]\nspec = "contracts/users.yaml"\n')
    (repository.root / "contracts").mkdir()
    repository.spec.rename(repository.root / "contracts" / "users.yaml")

    [problem] = compared(repository, "HEAD").problems
    assert problem.message.endswith('size may not be "m" any more')


def test_a_project_inside_a_repository_is_found_there(tmp_path: Path) -> None:
    project = Project(tmp_path / "deep" / "inside")
    write(project, BEFORE)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    write(project, "      UserAdded: {fields: {user_id: int}}\n")

    assert len(compared(project, "main").problems) == 1


def test_a_spec_that_was_not_there_is_all_new(project: Project) -> None:
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "commit", "-qm", "nothing", "--allow-empty")

    one = compared(project, "main")

    assert {each.before for each in one.events} == {None}
    assert (all(each.is_new for each in one.commands), one.problems) == (True, ())


@pytest.mark.parametrize("ref", ["nowhere", "", "--help", "main..main"])
def test_an_unknown_ref_is_told(ref: str, repository: Project) -> None:
    with pytest.raises(SpecError) as caught:
        compare(repository.root, ref)

    assert [problem.code for problem in caught.value.problems] == ["HW909"]


def test_no_repository_no_commit_and_no_git_are_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> str:
        with pytest.raises(SpecError) as caught:
            compare(project.root, "main")
        [problem] = caught.value.problems
        return problem.message

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    assert told() == "the project is in no git repository"
    git(project.root, "init", "-q")
    assert told() == "the repository has no commit yet"
    monkeypatch.setenv("PATH", "")
    assert told() == "there is no git on the path"


def test_histories_that_share_nothing_are_told(repository: Project) -> None:
    git(repository.root, "checkout", "-q", "--orphan", "other")
    git(repository.root, "commit", "-qm", "other")

    with pytest.raises(SpecError, match="share no commit"):
        compare(repository.root, "main")


def test_a_spec_that_was_wrong_then_is_told_with_its_commit(repository: Project) -> None:
    repository.spec.write_text("headwater: 1\nservice: 7up\n")
    commit(repository)
    write(repository, BEFORE)

    with pytest.raises(SpecError) as caught:
        compare(repository.root, "HEAD")

    then = git(repository.root, "rev-parse", "HEAD")[:10]
    assert {p.file for p in caught.value.problems} == {f"{then}:spec/user_service.yaml"}


# The commands


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    return project


def test_breaking_says_nothing_is_broken(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    released(inside)
    write(inside, event("user_id: int, full: string", "rename: {name: full}"))

    assert breaking.run([]) == 0

    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "user-service against what was released\n"
        "  UserAdded: version 1 to 2\n"
        "    BACKWARD yes\n"
        "      rename {name: full} (1 to 2)\n"
        "    BACKWARD_TRANSITIVE yes (wanted)\n"
        "      rename {name: full} (1 to 2)\n"
        "    FORWARD yes\n"
        "      rename {name: full} undone (2 to 1)\n"
        "    FORWARD_TRANSITIVE yes\n"
        "      rename {name: full} undone (2 to 1)\n"
        "    FULL yes\n"
        "    FULL_TRANSITIVE yes\n"
        "    reaches audit at 2\n"
        "    deploy in any order\n"
        "  1 unchanged\n"
    )


def test_breaking_ends_with_1_until_it_is_accepted(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    released(inside)
    write(inside, BEFORE, command("user_id: int"))

    assert breaking.run([]) == 1
    assert "error[HW910]: callers of AddUser break: name is gone" in capsys.readouterr().err
    assert breaking.run(["--accept", "nobody sends it"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("accepted: AddUser: name is gone (since ")
    assert ": nobody sends it\n" in out
    assert breaking.run([]) == 0


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines"])
def test_accepting_takes_a_reason(reason: str, inside: Project) -> None:
    released(inside)
    before = inside.files()

    assert breaking.run(["--accept", reason]) == 2
    assert inside.files() == before


def test_programs_get_all_verdicts(inside: Project, capsys: pytest.CaptureFixture[str]) -> None:
    released(inside)
    write(inside, event("user_id: int", "drop: [name]"), command("user_id: int"))

    assert breaking.run(["--format", "json"]) == 1

    [service] = json.loads(capsys.readouterr().out)["services"]
    [told] = service["events"]
    assert (told["before"], told["now"], told["wanted"]) == (1, 2, "backward-transitive")
    assert {mode for mode, one in told["verdicts"].items() if one["holds"]} == BACKWARD
    assert told["reaches"] == ["audit at 2"]
    [one] = service["breaks"]
    assert (one["subject"], one["version"], one["accepted"]) == ("AddUser", 0, None)
    assert one["file"] == "spec/user_service.yaml"


def test_github_gets_annotations(inside: Project, capsys: pytest.CaptureFixture[str]) -> None:
    released(inside)
    write(inside, BEFORE, command("user_id: int"))

    assert breaking.run(["--format", "github"]) == 1

    assert capsys.readouterr().out.startswith("::error file=spec/user_service.yaml,line=")


@pytest.mark.parametrize("verb", [breaking, diff])
def test_a_wrong_spec_or_ref_ends_with_2(
    verb: object, inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verb.run(["--against", "nowhere"]) == 2  # type: ignore[attr-defined]
    assert "HW909" in capsys.readouterr().err
    inside.spec.write_text("headwater: 1\n")
    assert verb.run([]) == 2  # type: ignore[attr-defined]


def test_diff_shows_what_came_went_and_is_another(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    old = "user_id: int, name: string, role: Role"
    released(inside, f"      UserAdded: {{fields: {{{old}}}}}\n")
    write(
        inside,
        event("user_id: int, full: string, role: Role", "rename: {name: full}", old),
        command("user_id: int, name: {type: string, default: x}, plan: Plan | null"),
    )
    inside.change("[member, admin]", "[member, guest, admin]")

    assert diff.run([]) == 0

    assert capsys.readouterr().out == (
        "user-service against what was released\n"
        "  type Role: changed\n"
        "    + guest\n"
        "  type Plan: new\n"
        "    + one of free, paid, trial\n"
        "  event UserAdded: changed\n"
        "    ~ version 1, in place\n"
        "      + role: guest\n"
        "    + version 2\n"
        "      - name: string\n"
        "      + full: string\n"
        "      > rename {name: full}\n"
        "  command AddUser: changed\n"
        '    ~ name: required -> default "x"\n'
        "    + plan: one of free, paid, trial | null\n"
    )


def test_diff_against_a_ref_shows_who_listens(
    repository: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository.root)
    repository.change(
        "audit: {stream: users, mode: exclusive}",
        "audit: {stream: users, mode: broadcast}\n"
        "  new: {stream: users, mode: exclusive, concurrency: 3}",
    )

    assert diff.run(["--against", "main", "--format", "json"]) == 0

    [service] = json.loads(capsys.readouterr().out)["services"]
    changes = {(one["kind"], one["name"]): one for one in service["changes"]}
    assert changes["subscription", "audit"]["lines"] == ["~ mode: exclusive -> broadcast"]
    assert "+ concurrency: 3" in changes["subscription", "new"]["lines"]
    assert len(changes) == 2


def test_diff_says_that_nothing_has_changed(
    inside: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    released(inside, BEFORE, TAIL.replace("name: string}", "name: string, plan: Plan, role: Role}"))

    assert diff.run([]) == 0
    assert "nothing has changed" in capsys.readouterr().out
