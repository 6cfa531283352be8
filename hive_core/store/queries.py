"""Named queries: SQL lives in `.sql` files beside the code that uses it, as `-- name: <query>` and one statement."""

import re
from collections.abc import Iterator
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Queries:
    """The queries of one package's `.sql` file: `Queries("hive_core.broker").send` is the text of `send`."""

    def __init__(self, package: str, file: str = "queries.sql") -> None:
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
        _, *parts = _NAME.split(text)
        names, bodies = parts[0::2], parts[1::2]
        if len(set(names)) != len(names):
            raise ValueError(f"{package}/{file} names a query twice")
        self._texts = {name: body.strip() for name, body in zip(names, bodies, strict=True)}

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"there is no query named {name}") from None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._texts.items())
