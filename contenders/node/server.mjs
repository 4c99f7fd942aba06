// A node:http server: one process, one event loop. `node server.mjs PORT`, or started by cluster.mjs.
import http from "node:http";
import os from "node:os";
import { setImmediate as nextTurn, setTimeout as timer } from "node:timers/promises";
import {
  advance,
  BadParameter,
  BLOCK_MS,
  blockThread,
  BYTES,
  checksum,
  compute,
  CPU_UNITS,
  mode,
  parseQuery,
  SEED,
  spend,
  UNITS,
  WAIT_MS,
  WAITS_MS,
} from "./contract.mjs";
import { Pool } from "./pool.mjs";

const BACKLOG = 4096;
const IDLE_TIMEOUT_MS = 75_000;
const HEAD_TIMEOUT_MS = 10_000;
const YIELD_EVERY_UNITS = 100;
// Computing needs no more threads than cores. Blocking needs as many as calls that may block at once;
// 32 is the size at which Python's asyncio caps its pool for the same purpose.
const computePool = new Pool(os.availableParallelism());
const blockingPool = new Pool(32);

const routes = new Map([
  ["/", { handle: (_, response) => text(response, "Hello World") }],
  ["/health", { handle: (_, response) => json(response, 200, { status: "ok" }) }],
  ["/json", { handle: (_, response) => json(response, 200, { message: "Hello, World!" }) }],
  ["/work", { parameters: [WAIT_MS, CPU_UNITS, BYTES], handle: work }],
  ["/sync-data", { handle: syncData }],
  ["/async-data", { handle: asyncData }],
  ["/cpu", { parameters: [UNITS, mode("inline", "offload", "yield")], handle: cpu }],
  ["/block", { parameters: [BLOCK_MS, mode("wrong", "right")], handle: block }],
]);

/** Node's timers may fire up to a millisecond early; a wait must not be shorter than asked for. */
async function sleep(ms) {
  const end = performance.now() + ms;
  for (let left = ms; left > 0; left = end - performance.now()) {
    await timer(left);
  }
}

async function work(query, response) {
  await sleep(query.wait_ms);
  spend(query.cpu_units);
  text(response, "x".repeat(query.bytes));
}

async function syncData(_, response) {
  const start = performance.now();
  for (const wait of WAITS_MS) {
    await sleep(wait);
  }
  data(response, start, "sequential");
}

async function asyncData(_, response) {
  const start = performance.now();
  await Promise.all(WAITS_MS.map((wait) => sleep(wait)));
  data(response, start, "concurrent");
}

function data(response, start, executionMode) {
  const elapsed = Math.floor(performance.now() - start);
  response.setHeader("X-Execution-Time", `${elapsed}ms`);
  json(response, 200, {
    database_data: "Database result",
    api_data: "API result",
    file_data: "File content",
    total_time_ms: elapsed,
    execution_mode: executionMode,
  });
}

async function cpu({ units, mode }, response) {
  let result;
  if (mode === "offload") {
    result = await computePool.run({ units });
  } else if (mode === "yield") {
    result = await computeYielding(units);
  } else {
    result = compute(units);
  }
  json(response, 200, { units, checksum: result });
}

async function computeYielding(units) {
  let state = SEED;
  for (let done = 0; done < units; done += YIELD_EVERY_UNITS) {
    state = advance(state, Math.min(YIELD_EVERY_UNITS, units - done));
    await nextTurn();
  }
  return checksum(state);
}

async function block({ ms, mode }, response) {
  if (mode === "right") {
    await blockingPool.run({ blockMs: ms });
  } else {
    blockThread(ms);
  }
  json(response, 200, { blocked_ms: ms });
}

function text(response, body) {
  send(response, 200, "text/plain; charset=utf-8", body);
}

function json(response, status, value) {
  send(response, status, "application/json", JSON.stringify(value));
}

function send(response, status, contentType, body) {
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

async function answer(request, response) {
  const [path, rawQuery = ""] = request.url.split("?", 2);
  const route = routes.get(path);
  if (route === undefined) {
    return json(response, 404, { error: "no such path" });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET,HEAD");
    return json(response, 405, { error: "only GET and HEAD are allowed" });
  }
  try {
    await route.handle(parseQuery(rawQuery, route.parameters ?? []), response);
  } catch (error) {
    const status = error instanceof BadParameter ? 400 : 500;
    json(response, status, { error: error.message });
  }
}

const server = http.createServer(
  { keepAliveTimeout: IDLE_TIMEOUT_MS, headersTimeout: HEAD_TIMEOUT_MS },
  answer,
);
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: BACKLOG });
