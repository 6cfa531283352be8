"""The requests that reached a stand-in, all of them, for a test to look at."""

from hive_gateway.standin.recorder import Seen


class Memory:
    def __init__(self) -> None:
        self.requests: list[Seen] = []

    def saw(self, seen: Seen) -> None:
        self.requests.append(seen)
