"""GiveAddress. Yours to edit."""

from headwater import CommandContext

from generated.post_office import AddressGiven, AddressWorkflow, GiveAddress


async def give_address(
    command: GiveAddress, workflow: AddressWorkflow, context: CommandContext
) -> str:
    """Execute GiveAddress."""
    workflow.emit(
        AddressGiven(
            person=command.person,
            street=command.street,
            postcode=command.postcode,
            city=command.city,
            lines=command.lines,
        )
    )
    return workflow.id
