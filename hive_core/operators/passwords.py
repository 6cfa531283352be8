"""Passwords: argon2id, away from the loop, few at a time because each takes 64 MiB for a moment."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hive_rpc.errors import InvalidError, TooLargeError

MIN_PASSWORD = 12
"""Characters."""
MAX_PASSWORD = 1024
_AT_ONCE = 2


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Raises InvalidError or TooLargeError for one that is too short or too long."""
        if len(password) < MIN_PASSWORD:
            raise InvalidError(f"The password is too short: {MIN_PASSWORD} characters at least.")
        if len(password) > MAX_PASSWORD:
            raise TooLargeError(f"The password is too long: {MAX_PASSWORD} characters at most.", limit=MAX_PASSWORD)
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """False also when nothing is stored, after the same time: who may sign in is not told by the clock."""
        if len(password) > MAX_PASSWORD:
            return False
        async with self._turns:
            if stored is None:
                if self._nobodys is None:
                    self._nobodys = await asyncio.to_thread(self._hasher.hash, "nobody's password")
                await asyncio.to_thread(self._check, self._nobodys, password)
                return False
            return await asyncio.to_thread(self._check, stored, password)

    def _check(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
