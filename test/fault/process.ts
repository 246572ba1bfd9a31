/** One `node src/main.ts` of the harness, behind a proxy of its own to Postgres. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../helpers/free-port.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";

const MAIN = path.join(import.meta.dirname, "../../src/main.ts");

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class Process {
  readonly name: string;
  readonly role: "api" | "worker";
  readonly postgres: TcpProxy;
  readonly #env: Record<string, string>;
  readonly #wrap: readonly string[];
  #child: ChildProcess | undefined;
  #port = 0;
  #output = "";
  #exit: Promise<Exit> = Promise.resolve({ code: null, signal: null });
  /** Set before it is ended on purpose. */
  #mayExit = true;
  /** When it ended without being told to. */
  readonly deaths: string[] = [];
  /** When it was killed: monotonic milliseconds. */
  readonly killedAt: number[] = [];

  constructor(name: string, role: "api" | "worker", postgres: TcpProxy, env: Record<string, string>, wrap: readonly string[]) {
    this.name = name;
    this.role = role;
    this.postgres = postgres;
    this.#env = env;
    this.#wrap = wrap;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get alive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }
  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  /** The last of what it wrote. */
  get output(): string {
    return this.#output.slice(-4_000);
  }
  /** The same without its banner: what it logged, and what a crash left. */
  get complaints(): string {
    return this.#output
      .split("\n")
      .filter((line) => line.startsWith("{") || /Error|^\s+at /.test(line))
      .join("\n");
  }
  /** Resident bytes. */
  get rss(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  }

  async start(): Promise<void> {
    this.#port = await freePort();
    const [program, ...words] = [...this.#wrap, process.execPath, MAIN];
    const child = spawn(program as string, words, {
      env: { ...this.#env, PORT: String(this.#port), HOOKLINE_ROLES: this.role, PATH: process.env["PATH"] ?? "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#mayExit = false;
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#exit = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        if (!this.#mayExit) this.deaths.push(`${this.name} ended by itself (${code ?? signal}): ${this.output}`);
        resolve({ code, signal });
      });
    });
  }

  /** 200 of /readyz. */
  async ready(timeoutMs = 180_000): Promise<void> {
    for (const deadline = performance.now() + timeoutMs; (await this.status()) !== 200; await sleep(50)) {
      if (!this.alive) throw new Error(`${this.name} ended while starting: ${this.output}`);
      if (performance.now() > deadline) throw new Error(`${this.name} is not ready: ${this.output}`);
    }
  }

  /** Of /readyz; 0 when it does not answer within 5 s. */
  async status(): Promise<number> {
    try {
      const reply = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      await reply.arrayBuffer();
      return reply.status;
    } catch {
      return 0;
    }
  }

  async kill(): Promise<void> {
    this.#mayExit = true;
    this.killedAt.push(performance.now());
    this.signal("SIGKILL");
    await this.#exit;
    // What it had asked for is rolled back, as when a machine is gone.
    this.postgres.cut();
  }

  /** SIGTERM. */
  terminate(): Promise<Exit> {
    this.#mayExit = true;
    this.signal("SIGTERM");
    return this.#exit;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.alive) process.kill(this.pid, signal);
  }
}

export interface Launch {
  name: string;
  role: "api" | "worker";
  env: Record<string, string>;
  /** Words before the command: a program that ends by executing what follows it. */
  wrap: readonly string[];
}

/** @param database reached through a proxy of the process's own */
export async function makeProcess({ name, role, env, wrap }: Launch, database: URL): Promise<Process> {
  const proxy = await startProxy(Number(database.port));
  const url = new URL(database);
  url.port = String(proxy.port);
  return new Process(name, role, proxy, { ...env, DATABASE_URL: url.href }, wrap);
}
