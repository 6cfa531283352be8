"""Users and groups with reserved numbers, the same on every hive host and in every container.

systemd documents 60578 to 61183 as unused by anything it allocates (UIDS-GIDS); Hive takes the first few.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    name: str
    uid: int


WEB = User("hive-web", 60601)
GATEWAY = User("hive-gateway", 60602)
BUILD = User("hive-build", 60603)
MODEL = User("agent", 60610)
"""Runs the model's tools inside a container; reserved on the host, where it is no person's."""
OPERATORS_GROUP = User("hive-operators", 60600)
