"""What SQLite answers when a connection is asked how safe its commits are.

Both SQLite peers use it on the very connection that they commit with, because `synchronous` belongs to a connection and
not to the file. What the answers mean is SQLite's affair: https://www.sqlite.org/pragma.html#pragma_synchronous
"""

SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}

QUESTIONS = ("select sqlite_version()", "pragma journal_mode", "pragma synchronous")


def described(version: str, journal_mode: str, synchronous: int) -> str:
    """One line from the answers to `QUESTIONS`."""
    return f"SQLite {version}, journal_mode={journal_mode}, synchronous={SYNCHRONOUS[synchronous]}"
