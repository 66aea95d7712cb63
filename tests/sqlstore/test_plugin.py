"""The plugin gives a store for its settings and refuses what it does not know."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.hookspecs import PluginContext
from fairlead.testing import SeededIds, SeededLoop, SeedStreams, VirtualClock
from fairlead_sqlstore import SqlReader, SqlStore, SqlStorePlugin, SqlStoreSettings, plugin


def context_with(configuration: dict[str, Any]) -> PluginContext:
    """Return a context as the kernel gives it."""
    loop = SeededLoop(1)
    clock = VirtualClock(loop)
    loop.close()
    return PluginContext(
        "acc", clock, SeededIds(SeedStreams(1).of("ids")), configuration, logging.getLogger("test")
    )


def test_configuration_becomes_a_store(tmp_path: Path) -> None:
    """The hook of the entry point reads its own table."""
    path = tmp_path / "bot.sqlite"
    stores = plugin.fairlead_stores(context_with({"path": str(path), "busy_timeout_ms": 100}))

    assert [store.path for store in stores if isinstance(store, SqlStore)] == [path]


def test_the_plugin_object_brings_its_settings(tmp_path: Path) -> None:
    """Given as an object it uses the settings it was made with."""
    stores = SqlStorePlugin(SqlStoreSettings(tmp_path / "a.sqlite")).fairlead_stores(context_with({}))

    assert [store.path for store in stores if isinstance(store, SqlStore)] == [tmp_path / "a.sqlite"]


def test_tools_get_a_reader_of_the_same_file(tmp_path: Path) -> None:
    """Both the hook and the plugin object give tools a reader of one moment of the configured file."""
    path = tmp_path / "bot.sqlite"
    readers = [
        *plugin.fairlead_store_readers(context_with({"path": str(path)})),
        *SqlStorePlugin(SqlStoreSettings(path)).fairlead_store_readers(context_with({})),
    ]

    assert [(reader._path, reader._is_snapshot) for reader in readers if isinstance(reader, SqlReader)] == [
        (path, True)
    ] * 2


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (
            {"path": "a", "busy_timeout": 1},
            r"sqlstore.busy_timeout: unknown key; did you mean busy_timeout_ms\?",
        ),
        (
            {"path": "a", "colour": 1},
            "sqlstore.colour: unknown key; known are path, busy_timeout_ms, check_on_open, backup_before",
        ),
        ({}, 'sqlstore.path: is missing. Write, for example, path = "bot.sqlite"'),
        ({"path": ""}, "sqlstore.path: '' is not a file path. Write a path"),
        ({"path": 7}, "sqlstore.path: must be the path of a file as text, not a whole number"),
        ({"path": "a\0b"}, "sqlstore.path"),
        ({"path": ":memory:"}, "sqlstore.path: .*memory_store"),
        ({"path": "file:a?mode=memory"}, "sqlstore.path"),
        ({"path": "a", "busy_timeout_ms": -1}, "sqlstore.busy_timeout_ms"),
        ({"path": "a", "busy_timeout_ms": 60_001}, "sqlstore.busy_timeout_ms"),
        ({"path": "a", "busy_timeout_ms": 1.5}, "sqlstore.busy_timeout_ms: must be a whole number"),
        ({"path": "a", "busy_timeout_ms": True}, "sqlstore.busy_timeout_ms: must be a whole number"),
        ({"path": "a", "check_on_open": "no"}, "sqlstore.check_on_open: must be true or false, not text"),
    ],
)
def test_wrong_settings_are_refused(configuration: dict[str, Any], told: str) -> None:
    """Unknown keys, missing ones and values of the wrong kind are refused, with the key and what to write."""
    with pytest.raises(ConfigurationRefused, match=rf"^plugins\.{told}"):
        plugin.fairlead_stores(context_with(configuration))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"path": 7}, "sqlstore.path: 7 is not a file path"),
        (
            {"path": "a", "busy_timeout_ms": True},
            "sqlstore.busy_timeout_ms: True is not a whole number from 0",
        ),
        ({"path": "a", "check_on_open": "no"}, "sqlstore.check_on_open: 'no' is not true or false"),
    ],
)
def test_settings_made_in_code_are_checked_too(arguments: dict[str, Any], told: str) -> None:
    """The class refuses by itself, with the name of the plugin and the key."""
    with pytest.raises(ConfigurationRefused, match=f"^{told}"):
        SqlStoreSettings(**arguments)


def test_a_relative_path_does_not_follow_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is fixed when the store is made, whatever folder the bot goes to later."""
    monkeypatch.chdir(tmp_path)
    store = SqlStore(SqlStoreSettings("bot.sqlite"))
    monkeypatch.chdir("/")

    assert store.path == tmp_path / "bot.sqlite"


def test_two_names_of_a_file_have_one_lock(tmp_path: Path) -> None:
    """A symbolic link leads to the same lock as the file it points to."""
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "bot.sqlite")

    assert SqlStore(SqlStoreSettings(tmp_path / "link.sqlite")).lock_path == tmp_path / "bot.sqlite.lock"


def test_listing_the_plugin_imports_nothing_heavy() -> None:
    """Importing the package, its plugin and its store imports no SQLAlchemy, SQLModel, Alembic or cattrs."""
    program = (
        "import sys, fairlead_sqlstore, fairlead_sqlstore.plugin, fairlead_sqlstore.store\n"
        "print({'sqlalchemy', 'sqlmodel', 'alembic', 'pydantic', 'cattrs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "set()"
