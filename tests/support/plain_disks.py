"""Disks without limits, where no systemd mounts anything."""

from pathlib import Path

from hive_core.containers.trees import remove_trees


class PlainDisks:
    """Remembers what it was asked for; what it attaches is a directory."""

    def __init__(self) -> None:
        self.attached: dict[Path, int] = {}

    async def attach(self, place: Path, image: Path, mib: int) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.attached[place] = mib

    async def detach(self, place: Path) -> None:
        self.attached.pop(place, None)

    async def remove(self, place: Path, image: Path) -> None:
        await self.detach(place)
        await remove_trees(place)
