/** `hookline emit`: events by hand or from a file, through POST /v1/events. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { Api } from "./client.ts";
import { CliError } from "./fault.ts";

export interface EmitOptions {
  entity?: string | undefined;
  entityId?: string | undefined;
  /** JSON, `@file`, or `-` for standard input. */
  payload?: string | undefined;
  scope?: string | undefined;
  actor?: string | undefined;
  idempotencyKey?: string | undefined;
}

/** Drops a byte order mark, and refuses what is no UTF-8, as the server would. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** JSON text from an argument: itself, a file, or standard input. @throws CliError when it is no JSON */
async function jsonText(argument: string, option: string): Promise<string> {
  const read = async () => {
    if (argument === "-") return utf8.decode(await buffer(process.stdin));
    return argument.startsWith("@") ? utf8.decode(await readFile(argument.slice(1))) : argument;
  };
  const json = await read().catch((cause: Error) => {
    throw new CliError(`${option}: ${cause instanceof TypeError ? "it is no text in UTF-8" : cause.message}`, { cause });
  });
  try {
    JSON.parse(json);
  } catch (cause) {
    throw new CliError(`${option} is no JSON (${(cause as Error).message}); quote it for the shell: '{"total":120}'`, { cause });
  }
  return json;
}

/** @returns the event's id */
export async function emit(api: Api, type: string, options: EmitOptions): Promise<string> {
  const { entity, entityId, actor } = options;
  const head = JSON.stringify({ type, entity, entityId, actor });
  const members = [head.slice(1, -1)];
  // As text: the payload goes out with the key order and number tokens that it was written with.
  if (options.payload !== undefined) members.push(`"payload":${await jsonText(options.payload, "--payload")}`);
  if (options.scope !== undefined) members.push(`"scope":${await jsonText(options.scope, "--scope")}`);
  const answer = (await api.postEvents(`{${members.join(",")}}`, options.idempotencyKey ?? randomUUID())) as { id: string };
  return answer.id;
}

/** A file of one event or an array of them, as POST /v1/events takes it. @returns the events' ids, in their order */
export async function emitFile(api: Api, file: string, idempotencyKey?: string): Promise<string[]> {
  const body = await jsonText(file === "-" ? "-" : `@${file}`, "--file");
  const answer = (await api.postEvents(body, idempotencyKey ?? randomUUID())) as { id: string } | { events: { id: string }[] };
  return "events" in answer ? answer.events.map((event) => event.id) : [answer.id];
}
