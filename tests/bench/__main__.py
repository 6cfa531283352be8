"""`python -m tests.bench [NAME ...]`: one JSON line for each figure."""

import asyncio
import importlib
import sys

BENCHES = ("rpc", "sends", "delivery", "policy", "gateway", "web", "turns", "spawn", "memory")


async def main(names: list[str]) -> None:
    for name in names or BENCHES:
        for figure in await importlib.import_module(f"tests.bench.{name}").run():
            print(figure.line(), flush=True)


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(BENCHES)
    if unknown:
        sys.exit(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    asyncio.run(main(sys.argv[1:]))
