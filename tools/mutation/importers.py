"""Who imports whom in the core: a module of nothing but tables is proven by the tests of its users."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.mutation.scope import core_files
from tools.sources import FRAMEWORK


def importers(root: Path) -> Mapping[str, Sequence[str]]:
    """Return, for the path of each module, the paths of those of the core that import it by its full name."""
    users: dict[str, list[str]] = defaultdict(list)
    for file in core_files(root):
        user = file.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                users[f"{FRAMEWORK}/{node.module.replace('.', '/')}.py"].append(user)
    return users
