"""The handlers of orders, one a file. Yours to edit."""

from .begin_order import begin_order
from .do_step02 import do_step02
from .do_step03 import do_step03
from .do_step04 import do_step04
from .do_step05 import do_step05
from .do_step06 import do_step06
from .do_step07 import do_step07
from .do_step08 import do_step08
from .do_step09 import do_step09
from .do_step10 import do_step10
from .do_step11 import do_step11
from .do_step12 import do_step12
from .do_step13 import do_step13
from .do_step14 import do_step14
from .do_step15 import do_step15
from .do_step16 import do_step16
from .do_step17 import do_step17
from .do_step18 import do_step18
from .do_step19 import do_step19
from .do_step20 import do_step20
from .do_step21 import do_step21
from .do_step22 import do_step22
from .do_step23 import do_step23
from .do_step24 import do_step24
from .do_step25 import do_step25
from .do_step26 import do_step26
from .do_step27 import do_step27
from .do_step28 import do_step28
from .do_step29 import do_step29
from .do_step30 import do_step30
from .do_step31 import do_step31
from .do_step32 import do_step32
from .do_step33 import do_step33
from .do_step34 import do_step34
from .do_step35 import do_step35
from .do_step36 import do_step36
from .do_step37 import do_step37
from .do_step38 import do_step38
from .do_step39 import do_step39
from .do_step40 import do_step40
from .last_step import last_step

__all__ = [
    "begin_order",
    "do_step02",
    "do_step03",
    "do_step04",
    "do_step05",
    "do_step06",
    "do_step07",
    "do_step08",
    "do_step09",
    "do_step10",
    "do_step11",
    "do_step12",
    "do_step13",
    "do_step14",
    "do_step15",
    "do_step16",
    "do_step17",
    "do_step18",
    "do_step19",
    "do_step20",
    "do_step21",
    "do_step22",
    "do_step23",
    "do_step24",
    "do_step25",
    "do_step26",
    "do_step27",
    "do_step28",
    "do_step29",
    "do_step30",
    "do_step31",
    "do_step32",
    "do_step33",
    "do_step34",
    "do_step35",
    "do_step36",
    "do_step37",
    "do_step38",
    "do_step39",
    "do_step40",
    "last_step",
]
