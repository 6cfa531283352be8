"""The numbers that delivery follows."""

from dataclasses import dataclass, field

from hive_core.rates import Rate


@dataclass(frozen=True)
class Policy:
    lease_seconds: float = 120
    """How long a message stays with an instance that says nothing; also the grace after a core start."""
    max_attempts: int = 5
    """Handed out so often without an ack, a message becomes a dead letter."""
    max_wait_seconds: float = 60
    """The longest poll."""
    max_receive: int = 100
    max_unread: int | None = 200
    """Of one sender for one recipient, where the sender is an agent; None is no bound."""
    send_rate: Rate = field(default=Rate(burst=200, per_second=5))
    """Of messages from one agent; each recipient of a broadcast counts."""
    byte_rate: Rate = field(default=Rate(burst=16 * 1024**2, per_second=8 * 1024))
    """Of bodies from one agent, once for each recipient: what is sent is kept for weeks."""
    hello_rate: Rate = field(default=Rate(burst=200, per_second=1))
    """Of one agent's connections; each new instance is a row that is kept as long as messages are."""
