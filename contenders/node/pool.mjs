// A pool of worker threads: what Node offers for work that would hold up its one event loop.
import { Worker } from "node:worker_threads";

export class Pool {
  #size;
  #started = 0;
  #idle = [];
  #queue = [];

  /** Threads are started when they are first needed, at most `size` of them. */
  constructor(size) {
    this.#size = size;
  }

  /** Runs one of the tasks that worker.mjs knows; resolves to its result. */
  run(task) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      if (this.#idle.length > 0) {
        this.#next(this.#idle.pop());
      } else if (this.#started < this.#size) {
        this.#start();
      }
    });
  }

  #start() {
    this.#started += 1;
    const slot = { worker: new Worker(new URL("worker.mjs", import.meta.url)), job: undefined };
    slot.worker.on("message", (result) => {
      slot.job.resolve(result);
      this.#next(slot);
    });
    // A thread that fails is gone; its job fails with it, and the next job starts another thread.
    slot.worker.on("error", (error) => {
      this.#started -= 1;
      slot.job.reject(error);
    });
    this.#next(slot);
  }

  #next(slot) {
    slot.job = this.#queue.shift();
    if (slot.job === undefined) {
      this.#idle.push(slot);
    } else {
      slot.worker.postMessage(slot.job.task);
    }
  }
}
