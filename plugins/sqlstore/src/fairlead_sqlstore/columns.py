"""What the tables are made of: their base, and columns of each kind with what they mean."""

# ruff: noqa: ANN401 (SQLAlchemy and SQLModel take and give anything here)

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from fairlead_sqlstore.exact_decimal import ExactDecimal

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a later migration can change it on SQLite."""

_registry = registry(metadata=MetaData(naming_convention=NAMING))

RowId = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; on SQLite it must be spelled INTEGER to be the row id itself."""


class FairleadTable(SQLModel, registry=_registry):
    """Base of the tables; they have their own metadata, so they never mix with a user's own models."""


metadata = _registry.metadata


def text(description: str, **options: Any) -> Any:
    """Return a text column."""
    return Field(sa_type=Text, description=description, **options)


def integer(description: str, **options: Any) -> Any:
    """Return an integer column of 64 bits."""
    return Field(sa_type=BigInteger, description=description, **options)


def exact(description: str, **options: Any) -> Any:
    """Return a column of exact decimals."""
    return Field(sa_type=ExactDecimal, description=description, **options)


def flag(description: str) -> Any:
    """Return a column of true and false."""
    return Field(description=description)
