// What a thread of the pool does: compute, or block.
import { parentPort } from "node:worker_threads";
import { blockThread, compute } from "./contract.mjs";

parentPort.on("message", ({ units, blockMs }) => {
  if (blockMs !== undefined) {
    blockThread(blockMs);
    parentPort.postMessage(blockMs);
  } else {
    parentPort.postMessage(compute(units));
  }
});
