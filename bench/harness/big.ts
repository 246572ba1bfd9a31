/** The database of P4 and P14: 3 million settled requests over 30 days, one tenant with nearly all of them and 100 small ones. Made once a run. */
import { seedSettled } from "../seed.ts";
import type { Bench } from "./bench.ts";
import { HEADERS, makeDefinitions, type Platform, startPlatform } from "./platform.ts";
import { makeTenant, type Tenant } from "./tenants.ts";

export interface Big {
  url: string;
  /** Of the large tenant. */
  definitions: string[];
  /** Further ones of it, which take no event: their lanes are stopped while work queues in them. */
  idle: string[];
  /** A webhook of Cotalker's face, by its own id. */
  cotalker: string;
  small: Tenant[];
  requests: number;
}

const [REQUESTS, DEFINITIONS, IDLE, TENANTS, PER_TENANT] = [3_000_000, 100, 100, 100, 1_000];

const made = new WeakMap<Bench, Promise<Big>>();

/** @returns the same database for every row of a run */
export function bigDatabase(bench: Bench): Promise<Big> {
  const known = made.get(bench);
  if (known) return known;
  const making = make(bench);
  made.set(bench, making);
  return making;
}

async function make(bench: Bench): Promise<Big> {
  const url = await bench.postgres.database();
  const platform = await startPlatform(url);
  const targetUrl = bench.receiver.url;
  const definitions = await makeDefinitions(platform, { count: DEFINITIONS, targetUrl });
  const idle = await makeDefinitions(platform, { count: IDLE, targetUrl, typePrefix: "bench.idle" });
  const cotalker = await makeCotalkerWebhook(platform, targetUrl);
  const small: Tenant[] = [];
  for (let i = 0; i < TENANTS; i++) small.push(await makeTenant(platform, `small${i}`, { count: 1, targetUrl }));
  await platform.stop();
  const requests = bench.scaled(REQUESTS);
  const began = performance.now();
  await seedSettled(url, { requests, perSmall: bench.scaled(PER_TENANT), days: 30 });
  const { rows } = await bench.postgres.admin.query<{ size: string }>("SELECT pg_size_pretty(pg_database_size($1)) AS size", [
    new URL(url).pathname.slice(1),
  ]);
  bench.say(`${requests} settled requests were written in ${Math.round((performance.now() - began) / 1000)} s: ${rows[0]?.size}`);
  return { url, definitions, idle, cotalker, small, requests };
}

async function makeCotalkerWebhook(platform: Platform, targetUrl: string): Promise<string> {
  const body = JSON.stringify({ name: "Bench", code: "bench_cotalker", url: `${targetUrl}/cotalker`, trigger: "create-edit-delete-user" });
  const headers = { ...HEADERS, admin: "true" };
  const made = await fetch(`${platform.url}/api/v3/webhook/subscription`, { method: "POST", headers, body });
  const answer = (await made.json()) as { _id?: string; data?: { _id: string } };
  const id = answer._id ?? answer.data?._id;
  if (id === undefined) throw new Error(`no Cotalker webhook: ${made.status} ${JSON.stringify(answer)}`);
  return id;
}
