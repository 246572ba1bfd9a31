/** What the editor says of a dialect is what the engine does. */
import { expect, test } from "vitest";
import { DIALECTS, type Dialect } from "../../src/web/webhooks/dialects.ts";
import { dialects } from "../../src/wire/dialects.ts";

test.each(Object.keys(DIALECTS) as Dialect[])("%s", (name) => {
  const { ordering, onExhausted, waits, timeoutMs } = dialects[name].defaults;
  const { label: _label, hint: _hint, success: _success, signature: _signature, ...shown } = DIALECTS[name];
  expect(shown).toEqual({ ordering, onExhausted, waits: [...waits], timeoutMs });
});
