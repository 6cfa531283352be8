"""Style sheets, modules and icons, kept in memory below an address that holds the hash of them all.

Modules import each other by relative names, so the whole directory shares one hash: `/static/<hash>/live.js`. What is
behind such an address never changes, and a browser may keep it for good.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web

_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    body: bytes
    content_type: str


class Assets:
    """Everything in `hive_web/static`."""

    def __init__(self) -> None:
        self._assets = {
            entry.name: Asset(entry.read_bytes(), _TYPES[entry.name.rpartition(".")[2]])
            for entry in sorted(files("hive_web").joinpath("static").iterdir(), key=lambda entry: entry.name)
        }
        digest = hashlib.sha256()
        for name, asset in self._assets.items():
            digest.update(f"{name}\0{len(asset.body)}\0".encode() + asset.body)
        self.version = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """The address of one file; KeyError for one that is not there, so that a template cannot misspell it."""
        if name not in self._assets:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    async def get(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None or request.match_info["version"] != self.version:
            raise web.HTTPNotFound
        return web.Response(
            body=asset.body,
            content_type=asset.content_type,
            charset="utf-8",
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )
