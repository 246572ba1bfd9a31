/** Whose rows an operation of Prisma's is about: it says so itself, or it is refused. */

/** Belong to nobody, or to all. */
const NOBODYS = new Set(["RateBucket", "Epoch"]);
const CREATES = new Set(["create", "createMany", "createManyAndReturn"]);
type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

/** A lookup of a tenant's rows that does not say whose. A fault of ours, never the user's. */
export class TenancyError extends Error {
  constructor(what: string, why: string) {
    super(`${what} ${why}`);
    this.name = "TenancyError";
  }
}

/** Every organization that a `where` asks for: under its own name, in a compound key, in an AND. */
function ofWhere(where: unknown, column: string): unknown[] {
  return Object.entries(fieldsOf(where)).flatMap(([key, value]) => {
    if (key === column) return value === undefined ? [] : [value];
    if (key === "AND") return (Array.isArray(value) ? value : [value]).flatMap((each) => ofWhere(each, column));
    return key.startsWith("organizationId_") ? ofWhere(value, column) : [];
  });
}

function ofData(data: unknown, column: string): unknown[] {
  return (Array.isArray(data) ? data : [data]).map((each) => {
    const fields = fieldsOf(each);
    return fields[column] ?? fieldsOf(fieldsOf(fields["organization"])["connect"])["id"];
  });
}

/**
 * @returns the organization's id
 * @throws TenancyError when the operation names none, or makes rows of several
 */
export function organizationOf(model: string, operation: string, args: unknown): string {
  const what = `${model}.${operation}`;
  if (NOBODYS.has(model)) throw new TenancyError(what, "is no tenant's: ask through the unscoped client");
  const column = model === "Organization" ? "id" : "organizationId";
  const { where, data } = fieldsOf(args);
  const named = CREATES.has(operation) ? ofData(data, column) : ofWhere(where, column);
  const [organizationId] = named;
  if (typeof organizationId !== "string")
    throw new TenancyError(what, `without ${column} in its ${CREATES.has(operation) ? "data" : "where"}`);
  // Conditions of a `where` hold together: where they contradict each other there is no row, whoever's are seen.
  if (CREATES.has(operation) && named.some((each) => each !== organizationId)) throw new TenancyError(what, "for several organizations");
  return organizationId;
}

const UNIQUE: Record<string, string> = { findUnique: "findFirst", findUniqueOrThrow: "findFirstOrThrow" };

/**
 * Prisma puts lookups by a unique key that come in the same tick together, whoever's they are; those of `findFirst` it
 * leaves alone. The row is the same.
 */
export function asFirst(operation: string, args: unknown): { operation: string; args: Fields } | undefined {
  const first = UNIQUE[operation];
  if (first === undefined) return undefined;
  const { where, ...rest } = fieldsOf(args);
  const flat = Object.entries(fieldsOf(where)).flatMap(([key, value]) =>
    key.startsWith("organizationId_") ? Object.entries(fieldsOf(value)) : [[key, value] as const],
  );
  return { operation: first, args: { ...rest, where: Object.fromEntries(flat) } };
}
