"""Two services with a copy each of the types that they share; both run in one process."""

import asyncio
from decimal import Decimal

from generated.billing import Currency as BillingCurrency
from generated.billing import InvoiceLine, PayInvoice, SendInvoice, billing
from generated.billing import Money as BillingMoney
from generated.shop import Currency, Money, SellItem, shop
from headwater import App
from services.billing import handlers as billing_handlers
from services.shop import handlers as shop_handlers


async def main() -> None:
    price = Money(amount=Decimal("9.90"))
    assert price.currency is Currency.EUR
    async with (
        App(shop, handlers=shop_handlers) as selling,
        App(billing, handlers=billing_handlers) as invoicing,
    ):
        assert await selling.execute(SellItem(sku="A", price=price))
        total = BillingMoney.model_validate_json(price.model_dump_json())
        invoice = await invoicing.execute(
            SendInvoice(lines=[InvoiceLine(text="A", total=total)], currency=BillingCurrency.EUR)
        )
        assert len(invoice) == 36
        assert PayInvoice.model_fields.keys() == {"invoice_id", "paid"}


asyncio.run(main())
