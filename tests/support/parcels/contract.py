from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from headwater import (
    Command,
    CommandDefinition,
    CommandKind,
    Data,
    Event,
    Mode,
    Personal,
    Service,
    Stream,
    StreamType,
    StreamWriter,
    Subscription,
    Uri,
    Workflow,
    WorkflowDefinition,
)
from pydantic import AwareDatetime, EmailStr, Field


class Speed(StrEnum):
    SLOW = "slow"
    FAST = "fast"


class Address(Data):
    street: Annotated[str, Personal]
    country: Annotated[str, Field(min_length=2, max_length=2)]


class ByEmail(Data):
    kind: Literal["ByEmail"] = "ByEmail"
    email: Annotated[EmailStr, Personal]


class ByPhone(Data):
    kind: Literal["ByPhone"] = "ByPhone"
    phone: str


Contact: TypeAlias = Annotated[ByEmail | ByPhone, Field(discriminator="kind")]


class ParcelSentV1(Event):
    event_name: ClassVar[str] = "ParcelSent"
    event_version: ClassVar[int] = 1
    to: Address


class ParcelDeliveredV1(Event):
    event_name: ClassVar[str] = "ParcelDelivered"
    event_version: ClassVar[int] = 1
    terminal: ClassVar[bool] = True


class ParcelWorkflow(Workflow[ParcelSentV1 | ParcelDeliveredV1]):
    workflow_name: ClassVar[str] = "Parcel"


class ParcelsWriter(StreamWriter[ParcelSentV1]):
    stream_name: ClassVar[str] = "parcels"


class SendParcel(Command[str]):
    """Send a parcel on its way.

    Returns the id to track it by.
    """

    command_name: ClassVar[str] = "SendParcel"
    parcel_id: Annotated[str, Field(min_length=1, description="An id of your own.")]
    to: Address
    speed: Speed = Speed.SLOW
    contacts: Annotated[list[Contact], Field(default_factory=list)]
    class_: Annotated[str | None, Field(alias="class", description="Where it travels.")] = None


class DeliverParcel(Command[None]):
    """Hand a parcel over."""

    command_name: ClassVar[str] = "DeliverParcel"
    parcel_id: str


class WeighParcel(Command[Decimal]):
    """Weigh a parcel. What the scales do is up to `how`."""

    command_name: ClassVar[str] = "WeighParcel"
    parcel_id: UUID
    how: str = "well"


class ImportParcels(Command[dict[str, int]]):
    """Take over parcels from elsewhere."""

    command_name: ClassVar[str] = "ImportParcels"
    count: Annotated[int, Field(ge=0)]
    since: AwareDatetime
    source: Uri
    took: timedelta
    seal: bytes
    price: Decimal
    factors: dict[str, float]


class OpenDesk(Command[str]):
    """Has no fields."""

    command_name: ClassVar[str] = "OpenDesk"


parcel_log: Subscription[ParcelSentV1 | ParcelDeliveredV1] = Subscription(
    name="parcel-log",
    stream="parcels",
    mode=Mode.EXCLUSIVE,
    events=(ParcelSentV1, ParcelDeliveredV1),
    handler="parcel_log",
)

parcels: Service[Any] = Service(
    format=1,
    name="parcels",
    description="Parcels <on> their way.",
    streams=(Stream("parcels", StreamType.PERSISTENT),),
    workflows=(
        WorkflowDefinition(
            ParcelWorkflow, stream="parcels", events=(ParcelSentV1, ParcelDeliveredV1)
        ),
    ),
    commands=(
        CommandDefinition(
            SendParcel,
            CommandKind.STARTS,
            workflow=ParcelWorkflow,
            id_field="parcel_id",
            handler="send_parcel",
            validator="validate_send_parcel",
        ),
        CommandDefinition(
            DeliverParcel,
            CommandKind.CONTINUES,
            workflow=ParcelWorkflow,
            id_field="parcel_id",
            handler="deliver_parcel",
        ),
        CommandDefinition(
            WeighParcel,
            CommandKind.STARTS_OR_CONTINUES,
            workflow=ParcelWorkflow,
            id_field="parcel_id",
            handler="weigh_parcel",
        ),
        CommandDefinition(
            ImportParcels, CommandKind.STREAM, writer=ParcelsWriter, handler="import_parcels"
        ),
        CommandDefinition(
            OpenDesk, CommandKind.STARTS, workflow=ParcelWorkflow, handler="open_desk"
        ),
    ),
    subscriptions=(parcel_log,),
)
