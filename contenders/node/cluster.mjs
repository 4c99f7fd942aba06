// The same server in one process per core; the primary process accepts connections and hands them out in
// turn (node:cluster's default).
import cluster from "node:cluster";
import os from "node:os";
import { fileURLToPath } from "node:url";

let stopping = false;

cluster.setupPrimary({
  exec: fileURLToPath(new URL("server.mjs", import.meta.url)),
  args: process.argv.slice(2),
});
for (let i = 0; i < os.availableParallelism(); i += 1) {
  cluster.fork();
}
cluster.on("exit", (worker, code, signal) => {
  if (!stopping) {
    console.error(`worker ${worker.process.pid} ended: ${signal ?? `exit code ${code}`}`);
    process.exit(1);
  }
  if (Object.keys(cluster.workers).length === 0) {
    process.exit(0);
  }
});
process.on("SIGTERM", () => {
  stopping = true;
  for (const worker of Object.values(cluster.workers)) {
    worker.process.kill("SIGTERM");
  }
});
