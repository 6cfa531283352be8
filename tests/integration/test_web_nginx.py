"""The dashboard behind Debian's nginx: one domain with TLS, a unix socket behind it, streams that are not held back."""

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, CookieJar, TCPConnector, web

from hive_base.clock import SystemClock
from hive_rpc.types import EventKind, Role
from hive_web.app import Timing, create_app
from hive_web.config import WebConfig
from hive_web.door import Door
from tests.support.dashboard import AT_ONCE, EventReader
from tests.support.fake_core import FakeCore
from tests.support.hive_host import free_port

NAME = "hive.example"
# As docs/nginx.md gives it, with this test's paths.
SITE = """
server {{
    listen 127.0.0.1:{port} ssl;
    server_name hive.example;
    ssl_certificate {directory}/cert.pem;
    ssl_certificate_key {directory}/key.pem;

    location / {{
        proxy_pass http://unix:{socket}:;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Connection "";
        proxy_read_timeout 60s;
    }}
}}
"""
AROUND = """
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {site}
}}
"""

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


@asynccontextmanager
async def nginx(directory: Path, socket: Path) -> AsyncIterator[int]:
    port = free_port()
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -keyout key.pem -out cert.pem"
    named = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run([*made.split(), *named], check=True, capture_output=True, cwd=directory)
    site = SITE.format(port=port, directory=directory, socket=socket)
    config = directory / "nginx.conf"
    config.write_text(("user root;\n" if os.geteuid() == 0 else "") + AROUND.format(directory=directory, site=site))
    process = await asyncio.create_subprocess_exec(NGINX, "-e", "stderr", "-c", config, "-p", directory)
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except ConnectionError:
                    assert process.returncode is None, "nginx ended"
                    await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def test_behind_nginx_pages_forms_and_streams_work_as_without(tmp_path: Path) -> None:
    core, socket = FakeCore(clock=SystemClock()), tmp_path / "dashboard.sock"
    core.agent("worker")
    core.passwords["ada"] = ("correct horse", Role.OPERATOR)
    await core.start(tmp_path / "web.sock")
    config = WebConfig(core_socket=tmp_path / "web.sock", unix_socket=socket, secure=True, allowed_hosts=(NAME,))
    runner = Door(create_app(config, Timing(clock=core.clock, pace=AT_ONCE)), config, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, socket).start()
    trusted = ssl.create_default_context()
    async with nginx(tmp_path, socket) as port:
        trusted.load_verify_locations(tmp_path / "cert.pem")
        origin = f"https://{NAME}:{port}"

        class Here:
            """The name is this machine."""

            async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
                return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6, "flags": 0}]

            async def close(self) -> None:
                """Nothing is held."""

        connector = TCPConnector(ssl=trusted, resolver=Here())  # type: ignore[arg-type]
        async with ClientSession(connector=connector, cookie_jar=CookieJar(unsafe=True)) as browser:
            form = {"name": "ada", "password": "correct horse"}
            ours = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
            async with browser.post(f"{origin}/sign-in", data=form, headers=ours, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()
                cookie = answer.headers["Set-Cookie"]
                assert cookie.startswith("__Host-hive=")
                assert "Secure" in cookie
            assert core.addresses == ["127.0.0.1"], "the browser's, as nginx says it"
            async with browser.get(f"{origin}/") as answer:
                assert answer.status == 200
                assert "worker" in await answer.text()
                assert answer.headers["Strict-Transport-Security"]
            # Nothing is held back: each frame comes before the next one is caused.
            async with browser.get(f"{origin}/events?agent=worker&after=0") as stream, asyncio.timeout(20):
                frames = EventReader(stream)
                await frames.until("agent")
                for number in range(3):
                    core.emit(EventKind.NOTICE, "worker", text=f"news {number}")
                    assert (await frames.until("timeline")).data["view"]["text"] == f"news {number}"
            for headers in ({"Host": "a.example"}, {"Host": f"{NAME}.a.example"}):
                async with browser.get(f"{origin}/", headers=headers) as answer:
                    assert answer.status == 403
            async with browser.post(
                f"{origin}/spawn", data={"name": "x"}, headers={"Origin": "https://a.example"}
            ) as no:
                assert no.status == 403
    await runner.cleanup()
    await core.stop()
