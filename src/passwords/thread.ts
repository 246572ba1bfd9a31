/** A thread of its own for scrypt: on Node's shared pool it would keep name lookups and Postgres log-ins waiting. */
import { scryptSync } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { ScryptAnswer, ScryptJob } from "./pool.ts";

parentPort?.on("message", ({ id, password, salt, length, N, r, p }: ScryptJob) => {
  const hash = scryptSync(password, salt, length, { N, r, p, maxmem: 256 * N * r });
  parentPort?.postMessage({ id, hash } satisfies ScryptAnswer);
});
