/**
 * Pothos asks for rows one by one: a node by its id, the relations of a row that was read without them. Those that one turn
 * of an operation asks for in the same way are read together, so that a list costs as many statements as one row.
 */
import type { Prisma } from "../../db/client.ts";
import { NotFoundError } from "../../errors.ts";
import { byId } from "./loader.ts";

interface Lookup {
  /** The id, and whose it must be. */
  where: { id: string };
  include?: object;
  select?: object;
}
type Row = { id: string };
type Delegate = { findMany(args: object): Promise<Row[]> };

interface Batch {
  ids: Set<string>;
  found: Promise<ReadonlyMap<string, Row>>;
}

/** Of one operation, so that only what one caller asks for is put together. */
export function batchedClient(prisma: Prisma): object {
  const batches = new Map<string, Batch>();
  const delegates = new Map<PropertyKey, object>();

  async function lookUp(model: string, { where: { id, ...whose }, ...query }: Lookup): Promise<Row | null> {
    const key = JSON.stringify([model, whose, query]);
    let batch = batches.get(key);
    if (!batch) {
      const ids = new Set<string>();
      const found = new Promise((resolve) => setImmediate(resolve)).then(async () => {
        batches.delete(key);
        const delegate = prisma[model as keyof Prisma] as unknown as Delegate;
        return byId(await delegate.findMany({ ...query, where: { ...whose, id: { in: [...ids] } } }));
      });
      batch = { ids, found };
      batches.set(key, batch);
    }
    batch.ids.add(id);
    return (await batch.found).get(id) ?? null;
  }

  const delegateOf = (model: string) => ({
    findUnique: (lookup: Lookup) => lookUp(model, lookup),
    async findUniqueOrThrow(lookup: Lookup) {
      const row = await lookUp(model, lookup);
      // It was there a moment ago: somebody deleted it.
      if (!row) throw new NotFoundError("the object");
      return row;
    },
  });

  return new Proxy(prisma, {
    get(target, model) {
      if (typeof model !== "string" || typeof Reflect.get(target, model)?.findMany !== "function") return Reflect.get(target, model);
      const delegate = delegates.get(model) ?? delegateOf(model);
      delegates.set(model, delegate);
      return delegate;
    },
  });
}
