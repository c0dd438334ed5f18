"""Types that events and commands of order-service share."""

from enum import StrEnum
from typing import Annotated

from headwater import Data
from pydantic import Field


class Priority(StrEnum):
    """How soon an order has to leave."""

    NORMAL = "normal"
    EXPRESS = "express"


class Line(Data):
    """Some pieces of one article."""

    sku: str
    quantity: Annotated[int, Field(ge=1)]
