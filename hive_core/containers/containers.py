"""Agent containers as units of systemd."""


class Containers:
    """Takes systemd (`hive_core.systemd.systemd.Systemd`) and a `ContainerDriver`."""
