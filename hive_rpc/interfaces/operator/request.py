"""What calls of operators have in common."""

from pydantic import Field

from hive_rpc.types import AgentName, Model


class OperatorRequest(Model):
    session: str | None = None
    """The session token; needed on `web.sock`, ignored on `operator.sock`."""
    password: str | None = Field(default=None, repr=False)
    """The operator's own, once more: on `web.sock`, for methods that say so."""
    background: bool = False
    """Asked by a page on its own: the session does not count as used."""


class AgentRequest(OperatorRequest):
    name: AgentName


class IdRequest(OperatorRequest):
    id: str
