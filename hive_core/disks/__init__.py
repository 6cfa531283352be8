"""A file system of its own for whatever agents can fill."""

from hive_core.disks.disks import Disks, Images

__all__ = ["Disks", "Images"]
