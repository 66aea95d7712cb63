"""Which plugins an environment must have."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY_PLUGIN = sorted(folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir())
_NO_PLUGIN = re.compile(r"core|py3\d+")


def plugins_named_in(text: str) -> list[str]:
    """Return the plugins that an environment's name, or a list with commas, stands for; refuse other words.

    ``all`` stands for every one, and ``core`` for none.
    """
    words = [word for word in re.split(r"[-,]", text) if word and not _NO_PLUGIN.fullmatch(word)]
    named = EVERY_PLUGIN if "all" in words else sorted(set(words))
    unknown = sorted(set(named) - set(EVERY_PLUGIN))
    if unknown:
        raise ValueError(f"FAIRLEAD_EXPECT_PLUGINS={text!r} names {unknown[0]!r}, which is no plugin here.")
    return named


def expected_plugins() -> list[str]:
    """Return the plugin names that this environment must have, sorted.

    A developer's environment (requirements-dev.txt) sets no expectation and has every plugin.
    """
    return plugins_named_in(os.environ.get("FAIRLEAD_EXPECT_PLUGINS", "all"))
