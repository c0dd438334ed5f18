"""Events and commands as protobuf messages and back, without losing anything.

A generated package has its protos in `proto/`, compiled in `pb/`. Between a model and its message
stands JSON as it is on the wire: what protobuf has no type for (decimals, dates, times, durations,
ids) is the same text in both, `json` is its text, and `null` is a field that is not set.

Needs the extra `grpc`. Nothing imports this module before messages are asked for.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from enum import Enum
from importlib import import_module
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json, to_json

try:
    from google.protobuf import (
        any_pb2,
        descriptor_pool,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.message import DecodeError, Message
except ImportError as error:
    raise ImportError("protobuf is missing: pip install 'headwater[grpc]'") from error

from .errors import ProtobufError
from .events import Command, Data, Event, Metadata, RecordedEvent

__all__ = ["Messages", "new_pool"]

D = TypeVar("D", bound=Data)

TYPE_URL = "type.googleapis.com/"
_WELL_KNOWN = (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)


def new_pool() -> descriptor_pool.DescriptorPool:
    """A pool for one generated package's messages, with protobuf's well-known types in it.

    Each package has its own: the packages of a service and of its client describe messages of the
    same name, perhaps as of different days, and both can be loaded in one process.
    """
    pool = descriptor_pool.DescriptorPool()
    for module in _WELL_KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool


class Messages:
    """The messages of one generated package: `from generated.user_service.pb import messages`."""

    def __init__(self, package: str) -> None:
        """Look in `package`, the import name of `pb`. What was compiled is imported when used."""
        self._package = package
        self._objects: dict[tuple[type[Data], str], _Object] = {}

    def message_class(self, model: type[Event | Command[Any]]) -> type[Message]:
        """The class of an event version's messages, or of a command's.

        Raises:
            ProtobufError: The package has no such message.
        """
        if issubclass(model, Event):
            module, name = "events_pb2", f"{model.event_name}V{model.event_version}"
        else:
            module, name = "commands_pb2", f"{model.command_name}Command"
        return self._class(module, name, model)

    def encode(self, value: Event | Command[Any]) -> Message:
        """The message of an event or a command.

        Raises:
            ProtobufError: A value does not fit: a whole number beyond 64 bits.
        """
        message = self.message_class(type(value))()
        self._object(type(value), message).fill(message, value.model_dump(mode="json"), ())
        return message

    def decode(self, model: type[D], message: Message | bytes) -> D:
        """The event or command that a message (or its bytes) holds, validated as from JSON.

        What is not set and has a default gets that default.

        Raises:
            ProtobufError: The bytes are no such message, or it holds no valid value.
        """
        if isinstance(message, bytes):
            message = _parsed(self.message_class(cast("type[Event]", model)), message, model)
        data = self._object(model, message).read(message, ())
        try:
            return model.model_validate_json(to_json(data))
        except ValidationError as error:
            reason = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            )
            raise ProtobufError(model.__name__, (), reason) from error

    def wrap(self, recorded: RecordedEvent, event: Event) -> Message:
        """The `Envelope` of a recorded event, with the event's message in `data`.

        `event` is what `recorded.data` holds, at the version that is to be sent.
        """
        envelope: Any = self._class("envelope_pb2", "Envelope", type(event))()
        envelope.stream = recorded.stream
        envelope.offset = recorded.offset
        envelope.id = str(recorded.id)
        envelope.name = event.event_name
        envelope.version = event.event_version
        envelope.workflow_id = recorded.workflow_id
        envelope.recorded_at.FromDatetime(recorded.recorded_at)
        for name, value in (
            ("workflow", recorded.workflow),
            ("workflow_version", recorded.workflow_version),
            ("command", recorded.metadata.command),
            ("request_id", recorded.metadata.request_id),
        ):
            if value is not None:
                setattr(envelope, name, value)
        if recorded.metadata.occurred_at is not None:
            envelope.occurred_at.FromDatetime(recorded.metadata.occurred_at)
        data = self.encode(event)
        envelope.data.type_url = f"{TYPE_URL}{data.DESCRIPTOR.full_name}"
        # Equal events have equal bytes, whatever order their maps were filled in.
        envelope.data.value = data.SerializeToString(deterministic=True)
        return cast("Message", envelope)

    def unwrap(self, model: type[D], envelope: Message | bytes) -> tuple[RecordedEvent, D]:
        """The recorded event and the typed one that an `Envelope` (or its bytes) holds.

        Raises:
            ProtobufError: It is no envelope, or one of another event or version.
        """
        if isinstance(envelope, bytes):
            envelope = _parsed(self._class("envelope_pb2", "Envelope", model), envelope, model)
        found: Any = envelope
        expected = self.message_class(cast("type[Event]", model)).DESCRIPTOR.full_name
        actual = found.data.type_url.rpartition("/")[2]
        if actual != expected:
            reason = f"it holds {actual or 'nothing'}, not {expected}"
            raise ProtobufError(model.__name__, ("data",), reason)
        event = self.decode(model, bytes(found.data.value))
        try:
            event_id = UUID(found.id)
        except ValueError as error:
            raise ProtobufError(model.__name__, ("id",), "it is no UUID") from error
        recorded = RecordedEvent(
            stream=found.stream,
            offset=found.offset,
            id=event_id,
            name=found.name,
            version=found.version,
            workflow=found.workflow if found.HasField("workflow") else None,
            workflow_id=found.workflow_id,
            workflow_version=(
                found.workflow_version if found.HasField("workflow_version") else None
            ),
            recorded_at=found.recorded_at.ToDatetime(tzinfo=UTC),
            data=event.model_dump_json().encode(),
            metadata=Metadata(
                command=found.command if found.HasField("command") else None,
                request_id=found.request_id if found.HasField("request_id") else None,
                occurred_at=(
                    found.occurred_at.ToDatetime(tzinfo=UTC)
                    if found.HasField("occurred_at")
                    else None
                ),
            ),
        )
        return recorded, event

    def _class(self, module: str, name: str, model: type[Data]) -> type[Message]:
        try:
            found: type[Message] = getattr(import_module(f"{self._package}.{module}"), name)
        except (ModuleNotFoundError, AttributeError) as error:
            reason = f"{self._package} has no message {name}"
            raise ProtobufError(model.__name__, (), reason) from error
        return found

    def _object(self, model: type[Data], message: Message) -> _Object:
        return _Plans(self._objects).object(model, cast("Descriptor", message.DESCRIPTOR))


def _parsed(message: type[Message], data: bytes, model: type[Data]) -> Message:
    try:
        return message.FromString(data)
    except DecodeError as error:
        raise ProtobufError(model.__name__, (), "these bytes are no such message") from error


_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A value that is no message: how it is written, and how it is read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class _Composite:
    """A value that is a message of its own."""

    def fill(self, message: Any, value: Any, path: _Path) -> None:
        """Put a value, as it is in JSON, into an empty message."""
        raise NotImplementedError

    def read(self, message: Any, path: _Path) -> Any:
        """Return the value, as it is in JSON, that a message holds."""
        raise NotImplementedError


_Value = _Scalar | _Composite


@dataclass(frozen=True, slots=True)
class _Slot:
    """A field of a message, and what it stands for."""

    name: str
    """In the message."""
    key: str
    """In JSON."""
    kind: Literal["one", "many", "map"]
    value: _Value
    nullable: bool
    has_presence: bool
    owner: str

    def fill(self, message: Any, value: Any, path: _Path) -> None:
        if value is None and self.nullable:
            return
        try:
            if self.kind == "one":
                self._fill_one(message, value, path)
            elif self.kind == "many":
                self._fill_many(getattr(message, self.name), value, path)
            else:
                self._fill_map(getattr(message, self.name), value, path)
        except (TypeError, ValueError) as error:
            raise ProtobufError(self.owner, path, str(error)) from error

    def _fill_one(self, message: Any, value: Any, path: _Path) -> None:
        if isinstance(self.value, _Scalar):
            setattr(message, self.name, self.value.write(value))
            return
        inner = getattr(message, self.name)
        inner.SetInParent()  # there, even with nothing in it
        self.value.fill(inner, value, path)

    def _fill_many(self, items: Any, value: Any, path: _Path) -> None:
        if isinstance(self.value, _Scalar):
            items.extend([self.value.write(item) for item in value])
            return
        for place, item in enumerate(value):
            self.value.fill(items.add(), item, (*path, place))

    def _fill_map(self, entries: Any, value: Any, path: _Path) -> None:
        for key, item in value.items():
            if isinstance(self.value, _Scalar):
                entries[key] = self.value.write(item)
            else:
                self.value.fill(entries[key], item, (*path, key))

    def read(self, message: Any, path: _Path) -> Iterator[Any]:
        """Yield the value; nothing where it is not set and not null either."""
        if self.kind == "one" and self.has_presence and not message.HasField(self.name):
            if self.nullable:
                yield None
            return
        found = getattr(message, self.name)
        try:
            if self.kind == "one":
                yield self._read(found, path)
            elif self.kind == "many":
                yield [self._read(item, (*path, place)) for place, item in enumerate(found)]
            else:
                yield {key: self._read(item, (*path, key)) for key, item in found.items()}
        except (TypeError, ValueError) as error:
            raise ProtobufError(self.owner, path, str(error)) from error

    def _read(self, found: Any, path: _Path) -> Any:
        if isinstance(self.value, _Scalar):
            return self.value.read(found)
        return self.value.read(found, path)


class _Object(_Composite):
    """An event, a command or an object: a field for each of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.slots: tuple[_Slot, ...] = ()

    def fill(self, message: Any, value: Any, path: _Path) -> None:
        for slot in self.slots:
            slot.fill(message, value[slot.key], (*path, slot.key))

    def read(self, message: Any, path: _Path) -> Any:
        return {
            slot.key: value
            for slot in self.slots
            for value in slot.read(message, (*path, slot.key))
        }


class _Wrapper(_Composite):
    """A list or map inside another, or a value inside them that may be null."""

    def __init__(self, slot: _Slot) -> None:
        self.slot = slot

    def fill(self, message: Any, value: Any, path: _Path) -> None:
        self.slot.fill(message, value, path)

    def read(self, message: Any, path: _Path) -> Any:
        return next(self.slot.read(message, path), None)


class _OneOf(_Composite):
    """A tagged union: a field for each member, one of which is set."""

    def __init__(self, name: str, choice: str) -> None:
        self.name = name
        self.choice = choice
        self.tag = ""
        self.members: dict[str, tuple[str, _Object]] = {}

    def fill(self, message: Any, value: Any, path: _Path) -> None:
        field, member = self.members[value[self.tag]]
        inner = getattr(message, field)
        inner.SetInParent()
        member.fill(inner, value, path)

    def read(self, message: Any, path: _Path) -> Any:
        chosen = message.WhichOneof(self.choice)
        for tag, (field, member) in self.members.items():
            if field == chosen:
                return {self.tag: tag, **member.read(getattr(message, field), path)}
        raise ProtobufError(self.name, path, f"no {self.choice} is set that is known here")


class _Plans:
    """Makes out, once for each pair of a model and its message, which field is which."""

    def __init__(self, known: dict[tuple[type[Data], str], _Object]) -> None:
        self._known = known

    def object(self, model: type[Data], descriptor: Descriptor) -> _Object:
        key = (model, descriptor.full_name)
        if key not in self._known:
            model.model_rebuild()
            found = _Object(descriptor.name)
            self._known[key] = found  # before its fields: a type may contain itself
            found.slots = tuple(self._slots(model, descriptor))
        return self._known[key]

    def _slots(self, model: type[Data], descriptor: Descriptor) -> Iterator[_Slot]:
        for name, field in model.model_fields.items():
            key = field.alias or name
            if key in descriptor.fields_by_name:
                yield self._slot(key, descriptor.fields_by_name[key], field.annotation)
            elif get_origin(field.annotation) is not Literal:
                # A tag is told by the union's message, and is no field of the member's.
                reason = f"{descriptor.full_name} has no field {key}: generate again"
                raise ProtobufError(model.__name__, (key,), reason)

    def _slot(self, key: str, field: FieldDescriptor, annotation: Any) -> _Slot:
        annotation, nullable = _without_null(annotation)
        name = field.name
        owner = field.containing_type.name if field.containing_type else name
        kind: Literal["one", "many", "map"] = "one"
        has_presence = field.has_presence
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            kind = "map"
            annotation = get_args(annotation)[1]
            field = field.message_type.fields_by_name["value"]
        elif field.is_repeated:
            kind = "many"
            [annotation] = get_args(annotation)
        return _Slot(name, key, kind, self._value(field, annotation), nullable, has_presence, owner)

    def _value(self, field: FieldDescriptor, annotation: Any) -> _Value:
        descriptor = field.message_type
        bare, _ = _without_null(annotation)
        if descriptor is None:
            return _scalar(field, bare)
        if choice := _choice(descriptor):
            return self._one_of(descriptor, choice, bare)
        if descriptor.containing_type is None:
            return self.object(bare, descriptor)
        # A message inside a message wraps what can't be repeated, or not set, by itself.
        [inner] = descriptor.fields
        return _Wrapper(self._slot(inner.name, inner, annotation))

    def _one_of(self, descriptor: Descriptor, choice: str, union: Any) -> _OneOf:
        found = _OneOf(descriptor.name, choice)
        fields = {_folded(one.name): one for one in descriptor.oneofs_by_name[choice].fields}
        for member in get_args(union) or (union,):
            tag, value = _tag(member)
            found.tag = tag
            field = fields.get(_folded(value))
            if field is not None and field.message_type is not None:
                found.members[value] = (field.name, self.object(member, field.message_type))
            else:
                reason = f"{descriptor.full_name} has no field for {value}: generate again"
                raise ProtobufError(member.__name__, (), reason)
        return found


def _choice(descriptor: Descriptor) -> str:
    """Return the name of a union's oneof; those of `optional` fields begin with `_`."""
    return next((one.name for one in descriptor.oneofs if not one.name.startswith("_")), "")


def _tag(member: type[Data]) -> tuple[str, str]:
    """Return what tells a member of a union from the others: the key, and its value."""
    for name, field in member.model_fields.items():
        if get_origin(field.annotation) is Literal:
            return field.alias or name, str(field.default)
    raise ProtobufError(member.__name__, (), "it has no tag")


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _without_null(annotation: Any) -> tuple[Any, bool]:
    """Return a type without metadata and without `None`, and whether that was in it."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType) and type(None) in get_args(annotation):
            rest = tuple(one for one in get_args(annotation) if one is not type(None))
            annotation, nullable = Union[rest], True  # noqa: UP007 - made of values
        else:
            return annotation, nullable


def _scalar(field: FieldDescriptor, annotation: Any) -> _Scalar:
    if field.enum_type is not None:
        return _enum(field.enum_type, annotation)
    if annotation is JsonValue:
        return _Scalar(lambda value: to_json(value).decode(), from_json)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _Scalar(base64.b64decode, lambda value: base64.b64encode(value).decode("ascii"))
    return _Scalar(_same, _same)


def _same(value: Any) -> Any:
    return value


def _enum(descriptor: EnumDescriptor, annotation: type[Enum]) -> _Scalar:
    """Match the members by name; in protobuf all have the same prefix, such as `ROLE_V1_`."""
    zero = "UNSPECIFIED"
    while zero in annotation.__members__:
        zero = f"ZERO_{zero}"
    prefix = descriptor.values_by_number[0].name.removesuffix(zero)
    names = {f"{prefix}{member.name}": member.value for member in annotation}
    numbers = {names[one.name]: one.number for one in descriptor.values if one.name in names}
    values = {number: value for value, number in numbers.items()}

    def write(value: str) -> int:
        if value not in numbers:
            raise ValueError(f"{descriptor.name} has no number for {value!r}: generate again")
        return numbers[value]

    def read(number: int) -> Any:
        if number not in values:
            raise ValueError(f"{descriptor.name} has no value with the number {number}")
        return values[number]

    return _Scalar(write, read)
