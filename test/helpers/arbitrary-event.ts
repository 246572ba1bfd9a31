import fc from "fast-check";

/** An event as clients write it, for the readers of its JSON. */
export const event = fc.record(
  {
    type: fc.string({ minLength: 1 }),
    payload: fc.jsonValue({ maxDepth: 4 }),
    previous: fc.jsonValue({ maxDepth: 2 }),
    scope: fc.dictionary(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    changes: fc.array(fc.string()),
    entityId: fc.option(fc.string()),
  },
  { requiredKeys: ["type"] },
);
