"""An account with its secret, as only the gateway knows it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, field_serializer, model_validator

from hive_gateway.addresses import api_address
from hive_rpc.accounts import AccountKind, AccountName

ANTHROPIC = "https://api.anthropic.com"
LONGEST_SECRET = 4096
"""Characters; it goes into a header, for which servers have 8 KiB."""
_ANOTHER_KIND = {
    AccountKind.API_KEY: ("sk-ant-oat", "it is a setup token, and not an API key"),
    AccountKind.SETUP_TOKEN: ("sk-ant-api", "it is an API key, and not a setup token"),
}
"""How a secret begins that was taken for another; keys of other providers look as they like."""

BaseUrl = Annotated[str, AfterValidator(api_address)]


def _like_a_credential(value: SecretStr) -> SecretStr:
    if any(not "!" <= letter <= "~" for letter in value.get_secret_value()):
        raise ValueError("it has characters that no key has; give the key alone")
    return value


def _of_a_credential_s_length(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) > LONGEST_SECRET:
        raise ValueError("it is longer than any key; give the key alone")
    return value


Secret = Annotated[SecretStr, AfterValidator(_of_a_credential_s_length), AfterValidator(_like_a_credential)]


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
        begin, mistake = _ANOTHER_KIND.get(self.kind, ("", ""))
        if begin and self.secret.get_secret_value().startswith(begin):
            raise ValueError(mistake)
        return self

    @field_serializer("secret", when_used="json")
    def _plain(self, value: SecretStr) -> str:
        return value.get_secret_value()
