"""The words of the journal: records with their fields and defaults, members of enumerations, codes, lengths.

``python -m tests.golden.words`` adds to ``words.json`` what is new. What stands there is never changed: a
journal that was written with a word, or that left a default out, must mean the same to every later version. A
record whose fields must mean something else gets another version, and an upcaster.
"""

from __future__ import annotations

import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import fairlead.domain
from fairlead.domain import identifiers, numbers
from fairlead.domain.values import Value
from fairlead.kernel import core, decide, gate, journal

WORDS = Path(__file__).with_name("words.json")
Words = dict[str, dict[str, dict[str, Any]]]
"""By theme and name: the words, each with what it stands for; ``must`` where a field has no default."""
MUST = "must be there"
PUBLIC = re.compile("[A-Z][A-Z_]*")
WORD = re.compile("[A-Za-z_-]+")


def modules_of(*packages: ModuleType) -> Iterator[ModuleType]:
    """Yield every module of these packages, in the order of names."""
    for package in packages:
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield import_module(found.name)


def domain_classes() -> Iterator[type]:
    """Yield every public class that a module of the domain defines, in the order of modules and names."""
    for module in modules_of(fairlead.domain):
        for _, each in sorted(vars(module).items()):
            is_own = isinstance(each, type) and each.__module__ == module.__name__
            if is_own and not each.__name__.startswith("_"):
                yield each


def codes() -> dict[str, str]:
    """Return the codes, prefixes and names that bots compare and rows are found by; not text for people."""
    found = {}
    for module in modules_of(fairlead.domain, core, decide, gate, journal):
        for name, each in vars(module).items():
            if PUBLIC.fullmatch(name) and isinstance(each, str) and WORD.fullmatch(each):
                found[each] = "a word"
    return found


def lengths() -> dict[str, int]:
    """Return the lengths that stores, venues and files are built for."""
    return {
        name: each
        for name, each in {**vars(identifiers), **vars(numbers)}.items()
        if PUBLIC.fullmatch(name) and type(each) is int and name != "EXCERPT_LENGTH"
    }


def defaults_of(cls: type[Value]) -> dict[str, Any]:
    """Return what each field of such a value means where it is left out."""
    return {
        field.name: MUST if field.required else {"default": msgspec.to_builtins(field.default)}
        for field in msgspec.structs.fields(cls)
    }


def name_of(cls: type[Value]) -> str:
    """Return under which name a value is kept: a record by its kind and version."""
    kind, version = getattr(cls, "KIND", None), getattr(cls, "VERSION", None)
    return f"{kind} {version}" if version else kind or cls.__name__


def words_now() -> Words:
    """Return the words of this version, as JSON reads them back."""
    classes = list(domain_classes())
    now = {
        "codes": {"codes, prefixes and names": codes()},
        "lengths": {"identifiers and numbers": lengths()},
        "enumerations": {
            cls.__name__: {member.name: member.value for member in cls}
            for cls in classes
            if issubclass(cls, Enum)
        },
        "values": {
            name_of(cls): defaults_of(cls) for cls in classes if issubclass(cls, Value) and cls is not Value
        },
    }
    words: Words = json.loads(json.dumps(now))
    return words


def kept_words() -> Words:
    """Return the words that are kept."""
    kept: Words = json.loads(WORDS.read_text(encoding="utf-8"))
    return kept


def contradictions(kept: Words, now: Words) -> list[str]:
    """Return each kept word that stands for something else now, and each new one that must be there."""
    found = []
    for theme, names in now.items():
        for name, words in names.items():
            before = kept[theme].get(name)
            if before is None:
                continue
            found += [f"{name}.{word}" for word in before if words.get(word) != before[word]]
            found += [f"{name}.{word}" for word in words.keys() - before.keys() if words[word] == MUST]
    return sorted(found)


def main() -> int:
    """Add what is new, unless a kept word is contradicted: return 1 then, and change nothing."""
    kept, now = kept_words(), words_now()
    changed = contradictions(kept, now)
    if changed:
        sys.stderr.write(f"stored words stay as they are; give the record another version: {changed}\n")
        return 1
    merged = {theme: {**kept[theme], **now[theme]} for theme in kept}
    WORDS.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
