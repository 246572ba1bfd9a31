/**
 * Each face's form, held byte for byte: what its client says and hears stands in dialogues/*.http. A change of it is seen
 * there, and is meant (`npx vitest run test/api/faces/dialogues.test.ts -u`) or a fault.
 */
import { expect, test } from "vitest";
import { cotalkerDialogue } from "./dialogues/cotalker.ts";
import { crmcomDialogue } from "./dialogues/crmcom.ts";
import { doformsDialogue } from "./dialogues/doforms.ts";
import { resultsDialogue } from "./dialogues/results.ts";
import { perform } from "./dialogues/stage.ts";
import { superofficeDialogue } from "./dialogues/superoffice.ts";

test.each([
  ["cotalker", cotalkerDialogue],
  ["crmcom", crmcomDialogue],
  ["doforms", doformsDialogue],
  ["results", resultsDialogue],
  ["superoffice", superofficeDialogue],
] as const)("%s answers as it was recorded", { timeout: 300_000 }, async (name, play) => {
  await expect(await perform(play)).toMatchFileSnapshot(`dialogues/${name}.http`);
});
