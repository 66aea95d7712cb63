"""How the framework's values go over the wire: field by field, every one present and none besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard, get_type_hints

import msgspec
from cattrs import Converter


def is_value(kind: Any) -> TypeGuard[type[msgspec.Struct]]:  # noqa: ANN401 - an annotation has no type of its own
    """Tell whether the annotation is a class of values."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def teach_values(converter: Converter) -> None:
    """Let the converter take values apart and put them together, each field by its own hook."""

    def writer_of(kind: type[msgspec.Struct]) -> Callable[[msgspec.Struct], dict[str, Any]]:
        hints = get_type_hints(kind)

        def write(value: msgspec.Struct) -> dict[str, Any]:
            return {name: converter.unstructure(getattr(value, name), hints[name]) for name in hints}

        return write

    def reader_of(kind: type[msgspec.Struct]) -> Callable[[Any, type], msgspec.Struct]:
        hints = get_type_hints(kind)
        names = kind.__struct_fields__

        def read(body: Any, _kind: type) -> msgspec.Struct:  # noqa: ANN401 - whatever came over the wire
            if not isinstance(body, Mapping) or set(body) != set(names):
                raise TypeError(f"{kind.__name__} takes exactly {', '.join(names)}")
            return kind(*(converter.structure(body[name], hints[name]) for name in names))

        return read

    converter.register_unstructure_hook_factory(is_value, writer_of)
    converter.register_structure_hook_factory(is_value, reader_of)
