"""The durable store: SQLModel tables over SQLAlchemy Core, SQLite by default.

Importing this package imports neither SQLAlchemy nor SQLModel; the store does when it is opened. The tables
for your own queries are in `fairlead_sqlstore.tables`.
"""

from fairlead_sqlstore.exact_queries import connect_for_queries
from fairlead_sqlstore.plugin import SqlStorePlugin
from fairlead_sqlstore.reader import SqlReader
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore

__all__ = ["SqlReader", "SqlStore", "SqlStorePlugin", "SqlStoreSettings", "connect_for_queries"]

__version__ = "0.1.0"
