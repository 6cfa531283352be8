"""What the dashboard's front page is made of, kept up to date as it changes."""

from hive_core.looks.ledger import NOTHING
from hive_core.looks.looks import Looks

__all__ = ["NOTHING", "Looks"]
