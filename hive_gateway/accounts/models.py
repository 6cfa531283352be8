"""An account with its secret, as only the gateway knows it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, field_serializer, model_validator

from hive_gateway.addresses import api_address
from hive_rpc.accounts import AccountKind, AccountName

ANTHROPIC = "https://api.anthropic.com"

BaseUrl = Annotated[str, AfterValidator(api_address)]


def _like_a_credential(value: SecretStr) -> SecretStr:
    if any(not "!" <= letter <= "~" for letter in value.get_secret_value()):
        raise ValueError("it has characters that no key has; give the key alone")
    return value


Secret = Annotated[SecretStr, AfterValidator(_like_a_credential)]


class Renewal(BaseModel):
    """What a short-lived token is renewed with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Secret
    expires_at: datetime

    @field_serializer("token", when_used="json")
    def _plain(self, value: SecretStr) -> str:
        return value.get_secret_value()


class StoredAccount(BaseModel):
    """One account. As JSON it has its secrets in plain text: that is what its file is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: AccountName
    kind: AccountKind
    secret: Secret = SecretStr("")
    renewal: Renewal | None = None
    base_url: BaseUrl | None = None
    read_only: bool = False

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if bool(self.secret.get_secret_value()) is (self.kind is AccountKind.STAND_IN):
            raise ValueError(
                "the stand-in has no secret" if self.kind is AccountKind.STAND_IN else "its secret is empty"
            )
        return self

    @field_serializer("secret", when_used="json")
    def _plain(self, value: SecretStr) -> str:
        return value.get_secret_value()
