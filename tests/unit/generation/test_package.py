"""The model: names, types, imports and order, from specs given as literals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from headwater_generator.grammar import (
    BEGINNING,
    LATEST,
    Command,
    EnumType,
    Event,
    Field,
    ListOf,
    Named,
    Nullable,
    ObjectType,
    Offset,
    Scalar,
    Spec,
    Stream,
    Subscription,
    Timestamp,
    UnionType,
    Workflow,
)
from headwater_generator.model.parts import Alias, DataClass, EventClass, Package
from headwater_generator.model.places import Places
from headwater_generator.model.scope import Import, Scope

Build = Callable[[Spec], Package]
STRING, INT = Field(type=Scalar("string")), Field(type=Scalar("int"))


def spec(**sections: object) -> Spec:
    given: dict[str, object] = {
        "headwater": 1,
        "service": "user-service",
        "path": "spec/user_service.yaml",
        "streams": {
            "users": Stream(type="persistent"),
            "pings": Stream(type="ephemeral", delivery="at-most-once"),
        },
        "workflows": {
            "User": Workflow(
                stream="users",
                events={
                    "UserAdded": Event(fields={"user_id": INT, "name": STRING}),
                    "UserRemoved": Event(terminal=True, fields={"user_id": INT}),
                },
            )
        },
    }
    return Spec(**{**given, **sections})  # type: ignore[arg-type]


def lines(package: Package, name: str) -> list[str]:
    """Return the fields of an event or object as a template prints them."""
    for item in (*package.types.items, *package.events.items):
        if isinstance(item, (DataClass, EventClass)) and item.name == name:
            return [
                f"{one.name}: {one.annotation}" + (f" = {one.default}" if one.default else "")
                for one in item.fields
            ]
    raise AssertionError(name)


def event(**fields: Field) -> dict[str, object]:
    renamed = {name.removesuffix("__"): field for name, field in fields.items()}
    return {"workflows": {"W": Workflow(stream="users", events={"E": Event(fields=renamed)})}}


def test_an_event_has_a_class_for_its_version_and_an_alias_for_its_head(built: Build) -> None:
    package = built(spec())

    added, alias, removed, _ = package.events.items
    assert isinstance(added, EventClass)
    assert isinstance(removed, EventClass)
    assert (added.class_name, added.version, added.terminal) == ("UserAddedV1", 1, False)
    assert alias.target == "UserAddedV1"  # type: ignore[attr-defined]
    assert removed.terminal


def test_imports_are_exactly_what_is_used(built: Build) -> None:
    package = built(spec())

    assert package.events.imports == (
        (Import("typing", ("ClassVar", "TypeAlias")),),
        (Import("headwater", ("Event",)),),
    )


def test_fields_carry_alias_description_constraints_and_marks_in_this_order(built: Build) -> None:
    field = Field(
        type=Nullable(Scalar("string")),
        description='Say "hi".',
        personal=True,
        constraints={"minLength": 2},
    )

    [line] = lines(built(spec(**event(class__=field))), "E")
    assert line == (
        'class_: Annotated[str | None, Field(alias="class", description="Say \\"hi\\".", '
        "min_length=2), Personal] = None"
    )


def test_unique_items_are_a_mark(built: Build) -> None:
    field = Field(type=ListOf(Scalar("int")), constraints={"uniqueItems": True})

    assert lines(built(spec(**event(numbers=field))), "E") == [
        "numbers: Annotated[list[int], UniqueItems]"
    ]


def test_mutable_defaults_are_made_for_each_instance(built: Build) -> None:
    package = built(
        spec(
            types={"Place": ObjectType(fields={"street": STRING})},
            **event(
                empty=Field(type=ListOf(Scalar("int")), default=[]),
                some=Field(type=ListOf(Scalar("int")), default=[1]),
                loose=Field(type=ListOf(Nullable(Scalar("int"))), default=[1]),
                anything=Field(type=Scalar("json"), default={"a": []}),
                place=Field(type=Named("Place"), default={"street": "x"}),
            ),
        )
    )

    assert lines(package, "E") == [
        "empty: list[int] = Field(default_factory=list)",
        "some: list[int] = Field(default_factory=lambda: [1])",
        "loose: list[int | None] = Field(default_factory=lambda: list[int | None]([1]))",
        'anything: JsonValue = Field(default_factory=lambda: dict[str, JsonValue]({"a": []}))',
        'place: Place = Field(default_factory=lambda: Place(street="x"))',
    ]


def test_a_name_that_the_module_gives_away_is_imported_under_another(built: Build) -> None:
    package = built(
        spec(
            types={"Field": EnumType(values=("a",))},
            **event(
                str=Field(type=Scalar("string"), description="x"),
                date=Field(type=Nullable(Scalar("date"))),
                field=Field(type=Named("Field")),
            ),
        )
    )

    assert lines(package, "E") == [
        'str: Annotated[str_, Field_(description="x")]',
        "date: date_ | None = None",
        "field: Field",
    ]
    assert package.events.names["str"] == "str_"
    flat = [one for group in package.events.imports for one in group]
    assert Import("builtins", ("str as str_",)) in flat
    assert Import("pydantic", ("Field as Field_",)) in flat


def test_two_underscores_where_one_is_taken() -> None:
    scope = Scope({"date", "date_"})

    assert scope["date"] == "date__"


def test_types_stand_below_what_they_need_and_circles_are_quoted(built: Build) -> None:
    package = built(
        spec(
            types={
                "Tree": ObjectType(
                    fields={
                        "children": Field(type=ListOf(Named("Tree"))),
                        "leaf": Field(type=Named("Leaf")),
                        "place": Field(type=Named("Place")),
                    }
                ),
                "Leaf": UnionType(members=("Red", "Green"), tag="kind"),
                "Red": ObjectType(fields={"tree": Field(type=Nullable(Named("Tree")))}),
                "Green": ObjectType(fields={}),
                "Place": ObjectType(fields={}),
                "Color": EnumType(values=("dark-red",)),
            }
        )
    )

    names = [item.name for item in package.types.items]  # type: ignore[attr-defined]
    assert names == ["Color", "Red", "Green", "Leaf", "Place", "Tree"]
    assert lines(package, "Tree") == [
        'children: "list[Tree]"', "leaf: Leaf", "place: Place",
    ]  # fmt: skip
    assert lines(package, "Red") == ['kind: Literal["Red"] = "Red"', 'tree: "Tree | None" = None']
    [leaf] = [item for item in package.types.items if isinstance(item, Alias)]
    assert leaf.target == 'Annotated[Red | Green, Field(discriminator="kind")]'


def test_a_member_of_two_unions_carries_both_tags(built: Build) -> None:
    package = built(
        spec(
            types={
                "A": UnionType(members=("X", "Y"), tag="kind"),
                "B": UnionType(members=("X", "Y"), tag="type"),
                "X": ObjectType(fields={}),
                "Y": ObjectType(fields={}),
            }
        )
    )

    assert [line.split(":")[0] for line in lines(package, "X")] == ["kind", "type"]


@pytest.mark.parametrize(
    ("command", "result"),
    [
        (Command(starts="User"), "str"),
        (Command(starts_or_continues="User", by="user_id"), "str"),
        (Command(continues="User", by="user_id"), "None"),
        (Command(stream="users"), "None"),
        (Command(starts="User", result=Nullable(ListOf(Scalar("uuid")))), "list[UUID] | None"),
        (Command(stream="users", result=Scalar("json")), "JsonValue"),
    ],
)
def test_a_command_is_typed_by_its_result(built: Build, command: Command, result: str) -> None:
    package = built(spec(commands={"Do": command}))

    assert package.commands.items[0].result == result  # type: ignore[attr-defined]
    assert package.handlers.items[0].result == result  # type: ignore[attr-defined]


def test_what_belongs_to_each_kind_of_command(built: Build) -> None:
    fields = {"user_id": INT, "class": INT}
    package = built(
        spec(
            commands={
                "Start": Command(starts="User", fields=fields, validate=True),
                "StartBy": Command(starts="User", id="class", fields=fields, emits=("UserAdded",)),
                "Continue": Command(continues="User", fields=fields),
                "Either": Command(starts_or_continues="User", by="class", fields=fields),
                "Write": Command(stream="users", fields=fields, emits=("UserAdded", "UserRemoved")),
            }
        )
    )

    start, start_by, continues, either, write = package.service_module.commands
    assert dict(start.arguments) == {
        "handler": '"start"', "workflow": "UserWorkflow", "validator": '"validate_start"',
    }  # fmt: skip
    assert dict(start_by.arguments)["id_field"] == '"class_"'
    assert dict(start_by.arguments)["emits"] == "(UserAddedV1,)"
    assert dict(continues.arguments)["id_field"] == '"user_id"'
    assert dict(either.arguments)["id_field"] == '"class_"'
    assert dict(write.arguments)["writer"] == "UsersWriter"
    assert (write.kind, dict(write.arguments)["emits"]) == (
        "CommandKind.STREAM",
        "(UserAddedV1, UserRemovedV1)",
    )


def test_of_a_subscription_only_what_differs_from_the_defaults_is_written(built: Build) -> None:
    plain = Subscription(stream="users", mode="broadcast", start=BEGINNING)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    package = built(
        spec(
            subscriptions={
                "plain": plain,
                "from-now": replace(plain, start=LATEST, handler=False),
                "tenth": replace(plain, start=Offset(offset=10)),
                "since": replace(plain, start=Timestamp(timestamp=moment)),
                "pings": replace(plain, stream="pings", start=LATEST, handler=False),
            }
        )
    )

    written = {one.name: dict(one.arguments) for one in package.subscriptions.items}  # type: ignore[attr-defined]
    whole = {"whole_stream": "True"}  # none of them lists events
    assert written == {
        "plain": {**whole, "handler": '"plain"'},
        "from-now": {**whole, "start": "FromLatest()"},
        "tenth": {**whole, "start": "FromOffset(10)", "handler": '"tenth"'},
        "since": {
            **whole,
            "start": "FromTimestamp(datetime(2026, 1, 1, tzinfo=UTC))",
            "handler": '"since"',
        },
        "pings": whole,
    }
    assert package.subscriptions.items[-1].union == "Never"  # type: ignore[attr-defined]


def test_a_stub_works_as_far_as_it_can_be_derived(built: Build) -> None:
    fields, removed = {"user_id": INT}, ("UserRemoved",)
    package = built(
        spec(
            commands={
                "Add": Command(
                    starts="User", fields={**fields, "name": STRING}, emits=("UserAdded",)
                ),
                "Remove": Command(continues="User", fields=fields, emits=removed),
                "Loose": Command(continues="User", fields={"user_id": STRING}, emits=removed),
                "Many": Command(starts="User", fields=fields),
                "Typed": Command(
                    starts="User", fields=fields, result=Scalar("bool"), emits=removed
                ),
            }
        )
    )

    stubs = {stub.subject: stub for stub in package.stubs}
    assert stubs["Add"].arguments == (("user_id", "command.user_id"), ("name", "command.name"))
    assert (stubs["Add"].body, stubs["Add"].returns_id) == ("emit", True)
    assert (stubs["Remove"].body, stubs["Remove"].returns_id) == ("emit", False)
    assert stubs["Loose"].advice == "loose: emit UserRemoved"
    assert stubs["Many"].advice == "many: emit UserAdded or UserRemoved, then return workflow.id"
    assert stubs["Typed"].advice == "typed: emit UserRemoved, then return the bool"


def test_a_service_that_is_called_like_a_module_makes_way(built: Build) -> None:
    assert built(spec(service="types")).variable == "types_"
    assert built(spec()).variable == "user_service"


@pytest.mark.parametrize(
    ("out", "package", "handlers", "folder", "handlers_folder", "runnable"),
    [
        ("generated", "generated.{service}", "services.{service}.handlers",
         "generated/user_service", "services/user_service/handlers", "services.user_service"),
        ("src", "acme.users.contract", "acme.users.handlers",
         "src/acme/users/contract", "src/acme/users/handlers", "acme.users.app"),
        ("src/acme", "acme.users.contract", "acme.users.handlers",
         "src/acme/users/contract", "src/acme/users/handlers", "acme.users.app"),
        ("users", "users.contract", "users.handlers",
         "users/contract", "users/handlers", "users.app"),
        ("lib", "contracts", "handlers",
         "lib/contracts", "lib/handlers", "app"),
    ],
)  # fmt: skip
def test_import_names_stand_for_folders(
    tmp_path: Path,
    out: str,
    package: str,
    handlers: str,
    folder: str,
    handlers_folder: str,
    runnable: str,
) -> None:
    places = Places.settle(
        "user-service", root=tmp_path, out=tmp_path / out, package=package, handlers=handlers
    )

    assert places.package_folder == tmp_path / folder
    assert places.handlers_folder == tmp_path / handlers_folder
    assert places.runnable == runnable


def test_the_projects_own_folder_is_never_taken_for_a_package(tmp_path: Path) -> None:
    root = tmp_path / "acme"

    places = Places.settle(
        "x", root=root, out=root / "users", package="acme.users.contract", handlers="acme.handlers"
    )

    assert places.package_folder == root / "users" / "acme" / "users" / "contract"
