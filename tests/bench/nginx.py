"""Debian's nginx as a reverse proxy that holds nothing back, in a single process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_max_body_size 32m;
    keepalive_requests 1000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream api {{ server {address}; keepalive 256; keepalive_requests 1000000; }}
    server {{
        listen unix:{socket};
        location / {{
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""


@asynccontextmanager
async def nginx(socket: Path, address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Listens on the socket, in whose directory its files are; `address` is the server's behind it, as `host:port`."""
    directory = socket.parent
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, socket=socket, address=address))
    process = await asyncio.create_subprocess_exec("nginx", "-e", "stderr", "-c", configuration)
    try:
        while not await _answers(socket):
            if process.returncode is not None:
                raise RuntimeError("nginx did not start")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(socket: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        await asyncio.sleep(0.01)
        return False
    writer.close()
    return True
