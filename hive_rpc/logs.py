"""Lines of logs, which operators and managers read."""

from hive_rpc.types import Model, Time


class LogLine(Model):
    at: Time
    source: str
    """The systemd unit or syslog identifier that wrote it."""
    priority: int
    """As in syslog: 0 emergency to 7 debug."""
    text: str
