"""Reading a submitted form."""

from dataclasses import dataclass
from typing import Self

from aiohttp import web
from multidict import MultiDictProxy

from hive_rpc.errors import InvalidError


@dataclass(frozen=True)
class Form:
    """Fields of an `application/x-www-form-urlencoded` body. Uploads are not taken."""

    fields: MultiDictProxy[str | bytes | bytearray | web.FileField]

    @classmethod
    async def read(cls, request: web.Request) -> Self:
        if request.content_type != "application/x-www-form-urlencoded":
            raise InvalidError("That is not a form.", hint="Use the page's own form.")
        try:
            return cls(await request.post())
        except UnicodeDecodeError as error:
            raise InvalidError("The form is not UTF-8.") from error

    def text(self, name: str) -> str:
        """A field that must be there, and not be blank."""
        value = self.optional(name)
        if value is None:
            raise InvalidError(f"{name.capitalize()} is missing.", hint="Fill it in and send the form again.")
        return value

    def optional(self, name: str) -> str | None:
        """Browsers send line ends as CR LF (HTML standard, 4.10.21.8); here they are LF."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            return None
        return value.replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be given more than once: ticked boxes."""
        return [value for value in self.fields.getall(name, []) if isinstance(value, str) and value]

    def must_repeat(self, name: str, wanted: str) -> None:
        """A field that says once more what is meant. Raises InvalidError when it says something else."""
        if self.fields.get(name) != wanted:
            raise InvalidError(
                "What was typed the second time is something else.", hint="Nothing was done. Go back and compare."
            )
