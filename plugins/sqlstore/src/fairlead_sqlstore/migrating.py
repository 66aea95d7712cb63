"""Runs the migrations that ship in this package."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import StaticPool

_ONE_AT_A_TIME = Lock()
"""Alembic's `op` and `context` are one for the whole process, and stores migrate in threads of their own."""


def configuration() -> Config:
    """Return Alembic's configuration, made in memory: no file is read."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: sqlite3.Connection, revision: str = "head") -> None:
    """Bring the schema to the revision in one transaction: after a crash all of it is there, or nothing.

    Raises what SQLite raised, not SQLAlchemy's wrapping of it.
    """
    engine = engine_on(connection)
    config = configuration()
    try:
        with _ONE_AT_A_TIME, engine.begin() as bound:
            config.attributes["connection"] = bound
            command.upgrade(config, revision)
    except exc.DBAPIError as error:
        raise error.orig or error from error


def engine_on(connection: sqlite3.Connection) -> Engine:
    """Return an engine that works on this one connection and begins with the write lock."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
