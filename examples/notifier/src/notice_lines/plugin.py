"""What the entry point `notice_lines` of group `fairlead.plugins.v1` loads."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fairlead.hookspecs import PluginContext, hookimpl
from fairlead.ports.notices import Notifier
from fairlead.ports.settings import structure_settings
from notice_lines.notifier import NoticeLines

requires_api = "1.0"


@attrs.frozen(kw_only=True)
class NoticeLinesSettings:
    """The table ``[plugins.notice_lines]``."""

    path: str = attrs.field(metadata={"doc": "the file, from the configuration's folder"})
    kinds: tuple[str, ...] = attrs.field(default=(), metadata={"doc": "kinds wanted; all when left out"})


@hookimpl
def fairlead_notifiers(context: PluginContext) -> Sequence[Notifier]:
    """Return the notifier that the table describes."""
    given = structure_settings(NoticeLinesSettings, context.configuration, "plugins.notice_lines")
    return [NoticeLines(context.path(given.path), given.kinds)]
