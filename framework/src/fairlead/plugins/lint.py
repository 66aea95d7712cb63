"""The registration lint: what pluggy lets pass silently is refused before pluggy sees it.

Everything is read statically, so no property of a plugin is evaluated and pluggy 1.6 and 1.7 come
to the same result.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairlead import hookspecs

HOOK_PREFIX = "fairlead_"
_MARK = f"{hookspecs.PROJECT}_impl"
_SPECIFICATION_MARK = f"{hookspecs.PROJECT}_spec"
_PLAIN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def specifications() -> Mapping[str, tuple[str, ...]]:
    """Return every hook of this API version with the names of its parameters."""
    return {
        name: tuple(inspect.signature(function).parameters)
        for name, function in vars(hookspecs).items()
        if inspect.isfunction(function) and hasattr(function, _SPECIFICATION_MARK)
    }


def function_of(plugin: object, name: str) -> types.FunctionType | None:
    """Return the function behind an attribute, or nothing when it is not one; evaluates nothing."""
    static: object = inspect.getattr_static(plugin, name, None)
    if isinstance(static, staticmethod | classmethod | types.MethodType):
        static = static.__func__
    return static if isinstance(static, types.FunctionType) else None


def marked_options(plugin: object, name: str) -> dict[str, Any] | None:
    """Return what `@hookimpl` noted on the function behind an attribute, or nothing when unmarked."""
    options = getattr(function_of(plugin, name), _MARK, None)
    return options if isinstance(options, dict) else None


def implemented_hooks(plugin: object, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the known hooks that the plugin implements, sorted."""
    marked = ((name, marked_options(plugin, name)) for name in dir(plugin))
    return tuple(
        sorted({_hook_name(name, options) for name, options in marked if options is not None} & set(known))
    )


def complaints(plugin: object, known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return everything that is wrong with the plugin; an empty list lets it pass."""
    if inspect.isclass(plugin):
        return ["register an instance, not the class"]
    found: list[str] = []
    for name in dir(plugin):
        options = marked_options(plugin, name)
        if options is None:
            found += _unmarked(plugin, name, known)
        else:
            found += _marked(plugin, name, options, known)
    if not found and not implemented_hooks(plugin, known):
        found.append(f"implements no hook; known are {', '.join(sorted(known))}")
    return found


def _hook_name(attribute: str, options: Mapping[str, Any]) -> str:
    return str(options.get("specname") or attribute)


def _unmarked(plugin: object, name: str, known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    static = inspect.getattr_static(plugin, name, None)
    if hasattr(static, _MARK):
        yield f"{name}: write @hookimpl next to the function, below @staticmethod or @classmethod"
    elif name in known:
        yield f"{name}: not marked with @hookimpl from fairlead.hookspecs"
    elif name.startswith(HOOK_PREFIX) and function_of(plugin, name) is not None:
        yield f"{name}: names that begin with {HOOK_PREFIX} are kept for hooks{_nearest(name, known)}"


def _marked(
    plugin: object, name: str, options: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    hook = _hook_name(name, options)
    if hook not in known:
        if not options.get("optionalhook"):
            yield f"{hook}: no such hook{_nearest(hook, known)}"
        return
    if options.get("wrapper") or options.get("hookwrapper"):
        yield f"{hook}: wrappers are not allowed"
    elif inspect.isgeneratorfunction(function_of(plugin, name)):
        yield f"{hook}: return a sequence instead of yielding"
    if options.get("tryfirst") or options.get("trylast"):
        yield f"{hook}: tryfirst and trylast have no effect; the configuration orders plugins"
    function = function_of(plugin, name)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{hook}: must not be async"
    yield from _parameters(hook, getattr(plugin, name), known[hook])


def _parameters(hook: str, function: Callable[..., object], offered: tuple[str, ...]) -> Iterator[str]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in _PLAIN:
            yield f"{hook}: parameter {parameter} must be a plain positional one"
        elif parameter.default is not parameter.empty:
            yield f"{hook}: parameter {parameter.name} must not have a default"
        elif parameter.name not in offered:
            yield f"{hook}: there is no argument {parameter.name}; the hook offers {', '.join(offered)}"


def _nearest(name: str, known: Mapping[str, tuple[str, ...]]) -> str:
    import difflib  # only a mistake needs it

    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(sorted(known))}"
