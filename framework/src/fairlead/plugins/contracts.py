"""Whether an object that a plugin provides has what its port's protocol says, before it is used."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from fairlead.domain.identifiers import to_name
from fairlead.errors import TextRefused


@attrs.frozen
class Contract:
    """What a protocol asks for: methods by name, and data attributes with their class."""

    name: str
    methods: tuple[tuple[str, Callable[..., Any]], ...]
    attributes: tuple[tuple[str, type | None], ...]


@functools.cache
def contract_of(protocol: type) -> Contract:
    """Read the contract off a protocol class."""
    methods = tuple(
        (name, member)
        for name, member in vars(protocol).items()
        if inspect.isfunction(member) and not name.startswith("_")
    )
    hints = typing.get_type_hints(protocol)
    for name, member in vars(protocol).items():
        if isinstance(member, property) and member.fget is not None:
            hints[name] = typing.get_type_hints(member.fget).get("return")
    attributes = tuple((name, hint if isinstance(hint, type) else None) for name, hint in hints.items())
    return Contract(protocol.__name__, methods, attributes)


def complaints(value: object, protocol: type) -> list[str]:
    """Return everything in which the object falls short of the protocol."""
    contract = contract_of(protocol)
    if inspect.isclass(value):
        return [f"{value.__qualname__} is a class; provide an instance"]
    found = [*_attributes(value, contract), *_methods(value, contract)]
    kind = type(value).__qualname__
    return [f"{kind} is no {contract.name}: {complaint}" for complaint in found]


def _attributes(value: object, contract: Contract) -> Iterator[str]:
    for name, kind in contract.attributes:
        if not hasattr(value, name):
            yield f"it has no {name}"
            continue
        held = getattr(value, name)
        if kind is not None and not isinstance(held, kind):
            yield f"its {name} is {type(held).__name__}, not {kind.__name__}"
        elif name == "name":
            try:
                to_name(held, "name")
            except TextRefused as refusal:
                yield str(refusal)
        elif kind is str and (not held or not held.isprintable()):
            yield f"its {name} is not printable text"


def _methods(value: object, contract: Contract) -> Iterator[str]:
    for name, asked in contract.methods:
        method = getattr(value, name, None)
        if not callable(method):
            yield f"it has no method {name}"
            continue
        is_async = inspect.iscoroutinefunction(inspect.unwrap(method))
        if inspect.iscoroutinefunction(asked) and not is_async:
            yield f"{name} must be async"
        elif is_async and not inspect.iscoroutinefunction(asked):
            yield f"{name} must not be async"
        yield from _call_shape(name, method, asked)


def _call_shape(name: str, method: Callable[..., Any], asked: Callable[..., Any]) -> Iterator[str]:
    """Tell whether the method can be called the way the protocol is called."""
    parameters = list(inspect.signature(asked).parameters.values())[1:]
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    keywords = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY}
    try:
        inspect.signature(method).bind(*positional, **keywords)
    except TypeError:
        yield f"{name} cannot be called as {name}({', '.join([*positional, *keywords])})"
