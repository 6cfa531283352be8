"""Accounts on the disk: one file each, 0600, in the gateway's own directory; and those that systemd hands over."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr, ValidationError

from hive_gateway.accounts.models import StoredAccount
from hive_rpc.accounts import DEFAULT_ACCOUNT, AccountKind
from hive_rpc.errors import InvalidError, StorageError
from hive_rpc.faults import said

KEY_CREDENTIAL = "anthropic-api-key"
"""The systemd credential that is the default account's API key."""
CREDENTIAL_PREFIX = "account_"
"""`LoadCredential=account:/a/directory` hands over each file in it as `account_<file>`."""
_KINDS = {".api-key": AccountKind.API_KEY, ".setup-token": AccountKind.SETUP_TOKEN}

log = logging.getLogger(__name__)


class AccountStore:
    """The files. All methods block for a moment."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self) -> Sequence[StoredAccount]:
        """Every account that can be read; one that cannot be is named in the log and left as it is."""
        found = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                found.append(StoredAccount.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                log.error("the account in %s cannot be read: %s", path.name, type(error).__name__)
        return found

    def save(self, account: StoredAccount) -> None:
        """Write it, whole or not at all. Raises StorageError."""
        path = self._path(account.name)
        new = path.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(account.model_dump_json(exclude_defaults=True).encode())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise StorageError(f"The account {account.name} cannot be stored: {error.strerror}.") from error

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"The account {name} cannot be removed: {error.strerror}.") from error

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def from_systemd(base_url: str | None = None, environment: Mapping[str, str] = os.environ) -> Sequence[StoredAccount]:
    """The accounts in systemd's credentials directory (systemd.exec(5)); an empty file counts as none.

    Raises InvalidError, without the value, when a file holds something that cannot be a credential.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        return []
    found = []
    for path in sorted(Path(directory).iterdir()):
        named = _named(path.name)
        secret = path.read_bytes().strip().decode("latin-1") if named else ""
        if named is None or not secret:
            continue
        name, kind = named
        try:
            found.append(
                StoredAccount(name=name, kind=kind, secret=SecretStr(secret), base_url=base_url, read_only=True)
            )
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise InvalidError(
                f"The credential {path.name} cannot be used: {said(first)}.", hint="Put the key alone into its file."
            ) from None
    return found


def _named(credential: str) -> tuple[str, AccountKind] | None:
    if credential == KEY_CREDENTIAL:
        return DEFAULT_ACCOUNT, AccountKind.API_KEY
    if not credential.startswith(CREDENTIAL_PREFIX):
        return None
    path = Path(credential.removeprefix(CREDENTIAL_PREFIX))
    kind = _KINDS.get(path.suffix)
    return None if kind is None else (path.stem, kind)
