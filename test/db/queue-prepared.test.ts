/** What pg-boss says again and again is prepared; its own words are asked for here, since they change with its version. */
import { PgBoss } from "pg-boss";
import { afterAll, beforeAll, expect, test } from "vitest";
import { preparedTexts } from "../../src/db/queue.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t?.close());

test("a look for a job, a job that is sent and one that ends have a name each; a look for hundreds, and what is several statements, have none", async () => {
  const nameOf = preparedTexts();
  const said: { text: string; name: string | undefined }[] = [];
  const boss = new PgBoss({
    schema: "hookline_queue",
    migrate: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
    db: {
      executeSql(text: string, values: unknown[] = []) {
        const named = nameOf(text);
        said.push({ text, name: named.name });
        return t.core.db.pool.query({ ...named, text, values });
      },
    },
  });
  await boss.start();
  await boss.createQueue("prepared", { notify: true });
  const namesOf = async (work: () => Promise<unknown>) => {
    said.length = 0;
    await work();
    return said.map(({ name }) => name);
  };
  for (let round = 0; round < 2; round++) {
    const sent = await namesOf(() => boss.send("prepared", { round }));
    expect(sent.at(-1)).toMatch(/^jobs-\d+$/);
    let id = "";
    const looked = await namesOf(async () => {
      id = (await boss.fetch("prepared"))[0]?.id ?? "";
    });
    expect(looked).toEqual([expect.stringMatching(/^jobs-\d+$/)]);
    expect(await namesOf(() => boss.fetch("prepared"))).toEqual(looked);
    const ended = await namesOf(() => boss.complete("prepared", id));
    expect(ended.at(-1)).toMatch(/^jobs-\d+$/);
    expect(new Set([sent.at(-1), looked[0], ended.at(-1)]).size).toBe(3);
    expect(await namesOf(() => boss.fetch("prepared", { batchSize: 500 }))).toEqual([undefined]);
  }
  expect(nameOf("WITH one AS (SELECT 1) SELECT * FROM one; SELECT 2")).toEqual({});
  await boss.stop({ graceful: false });
});
