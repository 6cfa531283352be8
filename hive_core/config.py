"""`/etc/hive/core.toml`: what the NixOS module or `hive up` decided for this hive."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hive_base.paths import ETC
from hive_rpc.errors import InvalidError
from hive_rpc.types import Seconds


class CoreConfig(BaseModel):
    """Every key is optional."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "hive"
    """What this hive is called on the dashboard."""
    dashboard: str | None = None
    """The dashboard's address, for sign-in links: `http://127.0.0.1:4483`."""
    lease_seconds: Seconds = 60
    """How long a message stays leased to a harness without a renewal."""


def load(path: Path = ETC / "core.toml") -> CoreConfig:
    """Read the file; a missing one is all defaults. Raises InvalidError naming the key that is wrong."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return CoreConfig()
    try:
        return CoreConfig.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{path}: {key}: {first['msg']}.") from error
