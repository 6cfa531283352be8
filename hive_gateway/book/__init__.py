"""The gateway's book: what was spent, what is held and what connected, in one SQLite file of its own."""

from hive_gateway.book.book import Book, HeldAccount, Spent

__all__ = ["Book", "HeldAccount", "Spent"]
