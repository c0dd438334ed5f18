"""SendInvoice. Yours to edit."""

from headwater import CommandContext

from generated.billing import InvoiceSent, InvoiceWorkflow, SendInvoice


async def send_invoice(
    command: SendInvoice, workflow: InvoiceWorkflow, context: CommandContext
) -> str:
    """Execute SendInvoice."""
    workflow.emit(InvoiceSent(lines=command.lines, currency=command.currency))
    return workflow.id
