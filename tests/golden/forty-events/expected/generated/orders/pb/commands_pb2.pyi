# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class BeginOrderCommand(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep02Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep03Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep04Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep05Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep06Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep07Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep08Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep09Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep10Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep11Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep12Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep13Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep14Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep15Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep16Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep17Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep18Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep19Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep20Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep21Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep22Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep23Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep24Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep25Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep26Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep27Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep28Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep29Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep30Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep31Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep32Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep33Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep34Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep35Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep36Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep37Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep38Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep39Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class DoStep40Command(_message.Message):
    __slots__ = ("order_id", "step")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...
