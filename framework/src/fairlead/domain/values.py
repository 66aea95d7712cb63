"""What a value is: made once, compared by its fields, and never changed.

Records, events, views, inputs, effects and what the ports exchange are values. A compiled structure
costs a fifth of a frozen attrs class to make and refuses every assignment all the same
(``docs/explanation/decisions``, 008). Use `msgspec.structs.replace` for a value that differs in a field.
"""

from __future__ import annotations

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, gc=False):
    """The base of all values: fields are read-only at run time, for the type checker and for everyone.

    The garbage collector does not look inside, so a value refers to other values, text, numbers and
    collections of them; never to anything that could refer back to it.
    """
