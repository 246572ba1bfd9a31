/**
 * Payloads judged by the schemas of their event types, off the main thread: a job may take a second, 256 MiB of its thread's heap,
 * and an organization has one at a time. The threads are the process's, as it is the process that is protected.
 */
import { createPool, type Pool } from "../../delivery/sandbox/threads.ts";
import type { Issue } from "../../errors.ts";
import { type Judgement, type Judging, MOST_MISTAKES } from "./messages.ts";

const THREADS = 2;
/** Of payloads in one job, in characters: far below what a thread judges in its second. */
const JOB_CHARACTERS = 2 ** 20;
const JOB_VALUES = 100;
/** Jobs of one organization that may wait for its turn. */
const MOST_JOBS = 1_000;

let made: Pool<Judging, Judgement> | undefined;

const threads = (): Pool<Judging, Judgement> => {
  made ??= createPool<Judging, Judgement>(THREADS, {
    script: new URL("./thread.ts", import.meta.url),
    name: "hookline-schemas",
    heapMb: 256,
    failed: (failure, message) => ({ problem: message, late: failure === "TIMEOUT", mistakes: [] }),
  });
  return made;
};

/** Once more where its time was over: the time is the clock's, and a thread that shares a processor has less of it. */
async function judge(organizationId: string, job: Judging): Promise<Judgement> {
  const owner = { organizationId, key: "schema", most: MOST_JOBS };
  const judged = await threads().run(owner, job);
  return judged.late && job.values.length > 0 ? threads().run(owner, job) : judged;
}

/** Why a schema cannot be used; undefined: it can. @throws RateLimitedError a thousand of this organization wait */
export async function schemaProblem(organizationId: string, schema: string): Promise<string | undefined> {
  return (await judge(organizationId, { schema, values: [] })).problem;
}

export interface Judged {
  /** Where it came in: `events.3.payload`. */
  path: string;
  /** JSON text. */
  value: string;
}

/** One schema's values, in jobs of a size that a thread can do in its time. */
function* jobsOf(values: readonly Judged[]): Generator<readonly Judged[]> {
  let job: Judged[] = [];
  let characters = 0;
  for (const value of values) {
    if (job.length > 0 && (job.length >= JOB_VALUES || characters + value.value.length > JOB_CHARACTERS)) {
      yield job;
      [job, characters] = [[], 0];
    }
    job.push(value);
    characters += value.value.length;
  }
  if (job.length > 0) yield job;
}

/** `/items/0/qty` of `events.3.payload` is `events.3.payload.items.0.qty`. */
const pathOf = (path: string, pointer: string): string => path + pointer.replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~");

/**
 * @param name of the event type
 * @returns at most `MOST_MISTAKES`, each with its JSON Pointer
 * @throws RateLimitedError a thousand jobs of this organization wait
 */
export async function mistakesBy(organizationId: string, name: string, schema: string, values: readonly Judged[]): Promise<Issue[]> {
  const issues: Issue[] = [];
  for (const job of jobsOf(values)) {
    if (issues.length >= MOST_MISTAKES) break;
    const { problem, mistakes } = await judge(organizationId, { schema, values: job.map(({ value }) => value) });
    if (problem !== undefined) {
      issues.push({ path: job[0]?.path ?? "", message: `cannot be judged by the schema of ${name}: it ${problem}` });
      break;
    }
    for (const { value, pointer, message } of mistakes.slice(0, MOST_MISTAKES - issues.length))
      issues.push({
        path: pathOf(job[value]?.path ?? "", pointer),
        message: `${pointer === "" ? 'the value as a whole (JSON Pointer "")' : pointer} ${message}, says the schema of ${name}`,
      });
  }
  return issues;
}
