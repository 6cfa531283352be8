"""How the layout before this one is recognised. What moves it is imported only where it is found."""

from pathlib import Path

from hive_agent.harness.surroundings import Home

BARE_STATE = Path("/state")
HARNESS_FILES = ("hyperhive-events.sqlite", "hyperhive-turn-stats.sqlite", "hyperhive-model")
DONE = "migrated"
"""In the harness's directory: there is nothing more to look for."""


def is_there(home: Home, bare: Path = BARE_STATE) -> bool:
    if (home.harness / DONE).exists():
        return False
    return bare.is_dir() or any((home.state / name).exists() for name in HARNESS_FILES)
