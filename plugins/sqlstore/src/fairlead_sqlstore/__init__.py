"""The durable store: SQLModel tables over SQLAlchemy Core, SQLite by default."""

__version__ = "0.1.0"
