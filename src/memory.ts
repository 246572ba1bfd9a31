/**
 * What a server's process is told about memory and threads. By their defaults V8 and malloc keep twice of what it works with: 512 MB instead of 257
 * after 60 000 deliveries (docs/decisions/benchmarks.md). It comes before everything else.
 */
import { COMPILED } from "./bundle.ts";

/** As `npm start` gives them, which so begins but once. Both are as fast as the defaults: what lives for one delivery fits into 16 MB, what survives is collected sooner. */
export const FLAGS = ["--max-semi-space-size=16", "--heap-growing-percent=60"];
/**
 * Of glibc: one place for all threads to take memory from, instead of eight for each core. Of libuv: its threads, of which half may look
 * names up; of its default of four two names whose servers are mute would be all (delivery/names.ts).
 */
export const ENV = { MALLOC_ARENA_MAX: "1", UV_THREADPOOL_SIZE: "16" };
/** Of this process. Four is libuv's default. */
export const POOL_THREADS = Number(process.env["UV_THREADPOOL_SIZE"]) || 4;
/** With what Node made of our first files at hand, signals have their handlers in 0.09 s instead of 0.21. */
const CACHE = { NODE_COMPILE_CACHE: COMPILED };

/** What somebody chose is left as it is. */
function missing(): { flags: string[]; env: Record<string, string> } {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ").replaceAll("_", "-");
  return {
    flags: FLAGS.filter((flag) => !given.includes(flag.slice(0, flag.indexOf("=")))),
    env: Object.fromEntries(Object.entries(ENV).filter(([name]) => process.env[name] === undefined)),
  };
}

/**
 * Begins this process anew, in its place and under its pid, where it was started without these settings: they are read when a process
 * begins, and cannot be changed later. Takes 0.1 s, once. Not where another Node talks to it (`node --watch`): the line would be lost;
 * nor on Windows, which cannot do it.
 */
export function settleMemory(): void {
  const { flags, env } = missing();
  if (flags.length === 0 && Object.keys(env).length === 0) return;
  if (process.execve === undefined || process.platform === "win32" || process.connected) return;
  const words = [process.argv0, ...process.execArgv, ...flags, ...process.argv.slice(1)];
  process.execve(process.execPath, words, { ...CACHE, ...process.env, ...env });
}
