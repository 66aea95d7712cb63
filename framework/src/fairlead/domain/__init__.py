"""Pure values and functions: ids, numbers, instruments, orders and their table, the ledger."""
