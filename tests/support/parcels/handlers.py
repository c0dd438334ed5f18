import asyncio
import logging
from decimal import Decimal

from headwater import CommandContext, CommandRejectedError, EventContext

from .contract import (
    Address,
    DeliverParcel,
    ImportParcels,
    OpenDesk,
    ParcelDeliveredV1,
    ParcelSentV1,
    ParcelsWriter,
    ParcelWorkflow,
    SendParcel,
    WeighParcel,
)

logger = logging.getLogger(__name__)

SECRET = "swordfish"  # noqa: S105  (to look for where it must not be)


async def send_parcel(
    command: SendParcel, workflow: ParcelWorkflow, context: CommandContext
) -> str:
    logger.info("sending", extra={"to": command.to, "street": command.to.street})
    workflow.emit(ParcelSentV1(to=command.to))
    return workflow.id


async def validate_send_parcel(command: SendParcel, context: CommandContext) -> None:
    if command.to.country == "ZZ":
        raise CommandRejectedError("nothing is sent there", field="to")


async def deliver_parcel(
    command: DeliverParcel, workflow: ParcelWorkflow, context: CommandContext
) -> None:
    workflow.emit(ParcelDeliveredV1())


async def weigh_parcel(
    command: WeighParcel, workflow: ParcelWorkflow, context: CommandContext
) -> Decimal:
    if command.how in {"slowly", "for a while"}:
        logger.warning("weighing")
    match command.how:
        case "badly":
            raise RuntimeError(SECRET)
        case "wrongly":
            return SECRET  # type: ignore[return-value]
        case "slowly":
            await asyncio.sleep(3600)
        case "for a while":
            await asyncio.sleep(0.5)
    return Decimal("1.50")


async def import_parcels(
    command: ImportParcels, stream: ParcelsWriter, context: CommandContext
) -> dict[str, int]:
    for number in range(command.count):
        stream.emit(ParcelSentV1(to=Address(street=f"{number} Main Street", country="NL")))
    return {"imported": command.count}


async def open_desk(command: OpenDesk, workflow: ParcelWorkflow, context: CommandContext) -> str:
    return workflow.id


async def parcel_log(event: ParcelSentV1 | ParcelDeliveredV1, context: EventContext) -> None:
    request_id = context.recorded.metadata.request_id
    logger.info("arrived", extra={"event": event, "request_id": request_id})
