/** `hookline tail`: the live log, a line for each attempt. */
import type { Api } from "./client.ts";
import { openCursorFile } from "./cursor-file.ts";
import { CliError } from "./fault.ts";
import { follow } from "./follow.ts";
import { createAttemptTeller, formatLine } from "./line.ts";

export interface TailOptions {
  definition?: string | undefined;
  type?: string | undefined;
  entity?: string | undefined;
  entityId?: string | undefined;
  state?: string[] | undefined;
  after?: string | undefined;
  cursorFile?: string | undefined;
  /** Ends after so many lines. */
  count?: number | undefined;
  json?: boolean | undefined;
}

export interface Output {
  line(text: string): void;
  note(text: string): void;
  /** What to follow is known: from now on a signal ends it in order. */
  following?(): void;
}

/** The definition's id, from its id, code or number. @throws CliError when there is none */
export async function definitionId(api: Api, idOrCode: string): Promise<string> {
  const ask = async (argument: string, type: string, value: string | number) =>
    (
      await api.graphql<{ webhookDefinition: { id: string } | null }>(
        `query ($value: ${type}) { webhookDefinition(${argument}: $value) { id } }`,
        { value },
      )
    ).webhookDefinition?.id;
  const found =
    (await ask("code", "String", idOrCode)) ??
    (/^\d{1,9}$/.test(idOrCode) ? await ask("number", "Int", Number(idOrCode)) : await ask("id", "ID", idOrCode).catch(() => undefined));
  if (found === undefined) throw new CliError(`there is no webhook definition ${idOrCode}`);
  return found;
}

async function filterOf(api: Api, options: TailOptions): Promise<Record<string, unknown>> {
  const filter = {
    webhookDefinitionId: options.definition === undefined ? undefined : await definitionId(api, options.definition),
    eventType: options.type,
    entity: options.entity,
    entityId: options.entityId,
    state: options.state?.map((state) => state.toUpperCase()),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** Follows until `signal`, or `count` lines. @returns the last cursor */
export async function tail(api: Api, options: TailOptions, output: Output, signal: AbortSignal): Promise<string | undefined> {
  const file = options.cursorFile === undefined ? undefined : await openCursorFile(options.cursorFile, output.note);
  let cursor = options.after ?? file?.kept;
  const enough = new AbortController();
  const tell = createAttemptTeller();
  let lines = 0;
  let lost = false;
  const filter = await filterOf(api, options);
  output.following?.();
  await follow(api, {
    filter,
    after: cursor,
    signal: AbortSignal.any([signal, enough.signal]),
    onPlace(place) {
      cursor = place;
      file?.save(place);
    },
    onUpdate(update) {
      if (enough.signal.aborted) return;
      for (const told of tell(update)) {
        output.line(options.json ? JSON.stringify({ cursor: update.cursor, ...told }) : formatLine(told));
        lines += 1;
      }
      cursor = update.cursor;
      file?.save(cursor);
      if (options.count !== undefined && lines >= options.count) enough.abort();
    },
    onLive() {
      if (lost) output.note("connected again");
      lost = false;
    },
    onLost(why) {
      if (!lost) output.note(`connection lost (${why}), trying again`);
      lost = true;
    },
  }).finally(() => file?.end());
  return cursor;
}
