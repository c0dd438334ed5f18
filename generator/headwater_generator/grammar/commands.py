"""The keys of a command."""

# ruff: noqa: RUF009 - `key` and `keys` declare fields, as `dataclasses.field` does
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, cast

from ..load import NOWHERE, Node
from .containers import ListShape
from .declare import DESCRIPTION, Model, key
from .fields import Field, fields_key
from .numbers import Boolean
from .types import TypeExpression
from .words import Reference, Text, TypeText

__all__ = ["KINDS", "Command", "Kind"]

Kind: TypeAlias = Literal["starts", "continues", "starts_or_continues", "stream"]
KINDS: tuple[Kind, ...] = ("starts", "continues", "starts_or_continues", "stream")


@dataclass(frozen=True, kw_only=True)
class Command(Model):
    """A request to the service. Its handler emits events, all of which are recorded or none.

    One key says what it does: `starts`, `continues` or `starts_or_continues` name a workflow;
    `stream` names a stream and lets the handler emit events of any workflow there.
    """

    NOUN: ClassVar[str] = "a command"
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = KINDS
    EXAMPLES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("description", "starts", "id", "fields", "result", "emits", "validate"),
        ("continues", "by", "fields"),
        ("starts_or_continues", "by", "fields"),
        ("stream", "fields"),
    )
    FOREIGN: ClassVar[Mapping[str, str]] = {
        "event": 'did you mean "emits"?',
        "events": 'did you mean "emits"?',
        "returns": 'did you mean "result"?',
        "workflow": "say starts, continues or starts_or_continues, with the workflow's name",
    }

    description: str | None = key(
        DESCRIPTION, Text(), default=None, example="description: Invite somebody by email."
    )
    starts: str | None = key(
        "The workflow that it starts: its id must be new.",
        Reference("a workflow"),
        default=None,
        example="starts: Invitation",
    )
    continues: str | None = key(
        "The workflow that it continues: there must be one with the id.",
        Reference("a workflow"),
        default=None,
        example="continues: Invitation",
    )
    starts_or_continues: str | None = key(
        "The workflow that it starts, or continues if there is one with the id.",
        Reference("a workflow"),
        default=None,
        example="starts_or_continues: Cart",
    )
    stream: str | None = key(
        "The stream that it writes to, where it is about no single workflow.",
        Reference("a stream"),
        default=None,
        example="stream: users",
    )
    id: str | None = key(
        "The field whose value becomes the id of a workflow that the command `starts`: a natural "
        "key. An int, a string or a uuid.",
        Reference("a field"),
        default=None,
        default_words="a new uuid",
        example="id: user_id",
    )
    by: str | None = key(
        "The field that holds the id of the workflow where the command `continues` or "
        "`starts_or_continues` one. An int, a string or a uuid.",
        Reference("a field"),
        default=None,
        default_words="`<workflow>_id`, such as `invitation_id`",
        example="by: user_id",
    )
    fields: Mapping[str, Field] = fields_key()
    result: TypeExpression | None = key(
        "What the handler returns to the caller.",
        TypeText(),
        default=None,
        default_words="the workflow's id if the command may start one, else nothing",
        example="result: list<string>",
    )
    emits: tuple[str, ...] | None = key(
        "The events that the handler may emit.",
        ListShape(Reference("an event")),
        default=None,
        default_words="all events of the workflow, or of the stream",
        example="emits: [UserInvited]",
    )
    validate: bool = key(
        "Whether a validator runs before the handler: a function that refuses by raising.",
        Boolean(),
        default=False,
        example="validate: true",
    )
    node: Node = field(default=NOWHERE, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """What it does: the one key of `KINDS` that is there."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def target(self) -> str:
        """The workflow, or the stream, that the key names."""
        return cast("str", getattr(self, self.kind))
