# mypy: ignore-errors
# ruff: noqa
# fmt: off
# isort: skip_file
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Step01DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step02DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step03DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step04DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step05DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step06DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step07DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step08DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step09DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step10DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step11DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step12DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step13DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step14DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step15DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step16DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step17DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step18DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step19DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step20DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step21DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step22DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step23DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step24DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step25DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step26DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step27DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step28DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step29DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step30DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step31DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step32DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step33DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step34DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step35DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step36DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step37DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step38DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step39DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class Step40DoneV1(_message.Message):
    __slots__ = ("order_id", "step", "note")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    step: int
    note: str
    def __init__(self, order_id: _Optional[str] = ..., step: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...
