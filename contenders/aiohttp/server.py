"""An aiohttp server: one process, one asyncio event loop."""

import asyncio
import json
import sys
import time

from aiohttp import web

import contract
from contract import BLOCK_MS, BYTES, CPU_UNITS, UNITS, WAIT_MS, WAITS_S, BadParameter, mode

BACKLOG = 4096
IDLE_TIMEOUT_S = 75.0
YIELD_EVERY_UNITS = 100

routes = web.RouteTableDef()


@routes.get("/")
async def hello(request: web.Request) -> web.Response:
    query(request)
    return web.Response(text="Hello World")


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    query(request)
    return respond({"status": "ok"})


@routes.get("/json")
async def message(request: web.Request) -> web.Response:
    query(request)
    return respond({"message": "Hello, World!"})


@routes.get("/work")
async def work(request: web.Request) -> web.Response:
    parameters = query(request, WAIT_MS, CPU_UNITS, BYTES)
    if parameters["wait_ms"] > 0:
        await asyncio.sleep(parameters["wait_ms"] / 1000)
    contract.compute(parameters["cpu_units"])
    return web.Response(text="x" * parameters["bytes"])


@routes.get("/sync-data")
async def sync_data(request: web.Request) -> web.Response:
    query(request)
    start = time.monotonic()
    for wait_s in WAITS_S:
        await asyncio.sleep(wait_s)
    return data(start, "sequential")


@routes.get("/async-data")
async def async_data(request: web.Request) -> web.Response:
    query(request)
    start = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(wait_s) for wait_s in WAITS_S))
    return data(start, "concurrent")


def data(start: float, execution_mode: str) -> web.Response:
    elapsed_ms = int((time.monotonic() - start) * 1000)
    response = respond(
        {
            "database_data": "Database result",
            "api_data": "API result",
            "file_data": "File content",
            "total_time_ms": elapsed_ms,
            "execution_mode": execution_mode,
        }
    )
    response.headers["X-Execution-Time"] = f"{elapsed_ms}ms"
    return response


@routes.get("/cpu")
async def cpu(request: web.Request) -> web.Response:
    parameters = query(request, UNITS, mode("inline", "offload", "yield"))
    units = parameters["units"]
    match parameters["mode"]:
        case "offload":
            # The idiom, though the interpreter lock lets only one thread compute at a time: the event
            # loop stays responsive, and no more work gets done.
            checksum = await asyncio.to_thread(contract.compute, units)
        case "yield":
            checksum = await compute_yielding(units)
        case _:
            checksum = contract.compute(units)
    return respond({"units": units, "checksum": checksum})


async def compute_yielding(units: int) -> int:
    state = contract.SEED
    for done in range(0, units, YIELD_EVERY_UNITS):
        state = contract.advance(state, min(YIELD_EVERY_UNITS, units - done))
        await asyncio.sleep(0)
    return contract.checksum(state)


@routes.get("/block")
async def block(request: web.Request) -> web.Response:
    parameters = query(request, BLOCK_MS, mode("wrong", "right"))
    ms = parameters["ms"]
    if parameters["mode"] == "right":
        await asyncio.to_thread(time.sleep, ms / 1000)
    else:
        time.sleep(ms / 1000)
    return respond({"blocked_ms": ms})


def query(request: web.Request, *allowed: contract.Parameter) -> dict:
    return contract.parse_query(request.rel_url.raw_query_string, *allowed)


def respond(value: dict, status: int = 200) -> web.Response:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return web.Response(body=body, status=status, content_type="application/json")


@web.middleware
async def refuse_bad_parameters(request: web.Request, handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadParameter as error:
        return respond({"error": str(error)}, status=400)


def main() -> None:
    app = web.Application(middlewares=[refuse_bad_parameters])
    app.add_routes(routes)
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        backlog=BACKLOG,
        keepalive_timeout=IDLE_TIMEOUT_S,
        shutdown_timeout=0,
        access_log=None,
        print=None,
    )


if __name__ == "__main__":
    main()
