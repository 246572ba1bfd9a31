/** The switch to SCHEMAS: every schema of the catalogue must be one that payloads can be judged by. */
import { type Caller, demand } from "../accounts/caller.ts";
import { enforcementOf, getOrganization, type OrganizationInput, updateOrganization } from "../accounts/organizations.ts";
import type { Core } from "../core.ts";
import type { Organization } from "../db/generated/prisma/client.ts";
import { ValidationError } from "../errors.ts";
import { schemaProblem } from "./schemas/judge.ts";

/** Types that one answer names. */
const MOST_NAMED = 20;
/** Schemas read at once: 0.1 took large ones. */
const PAGE = 20;
/** Looking through a catalogue takes no longer. */
const LOOKING_MS = 20_000;

interface Stored {
  name: string;
  schema: string;
  isSchema: boolean;
}

const refusal = (problems: readonly string[]) =>
  new ValidationError(problems.map((message) => ({ path: "eventTypeEnforcement", message })));

/** @throws ValidationError names the types whose schema cannot be used, at most `MOST_NAMED` */
async function demandUsable(core: Core, organizationId: string): Promise<void> {
  const problems: string[] = [];
  const end = core.clock.monotonic() + LOOKING_MS;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const { rows }: { rows: Stored[] } = await core.db.tenant(organizationId).query<Stored>(
      `SELECT name, schema::text AS schema, jsonb_typeof(schema) IN ('object', 'boolean') AS "isSchema" FROM event_type
         WHERE organization_id = $1 AND name > $2 AND jsonb_typeof(schema) <> 'null' ORDER BY name LIMIT $3`,
      [organizationId, after, PAGE],
    );
    after = rows.length === PAGE ? rows.at(-1)?.name : undefined;
    for (const { name, schema, isSchema } of rows) {
      const problem = isSchema ? await schemaProblem(organizationId, schema) : "is neither an object nor true or false";
      const late = core.clock.monotonic() > end;
      if (problem !== undefined) problems.push(`the schema of ${name} is no JSON Schema 2020-12 to judge payloads by: it ${problem}`);
      else if (late) problems.push(`the schemas take too long to compile: those up to ${name} took ${LOOKING_MS / 1_000} s`);
      if (late || problems.length === MOST_NAMED) throw refusal(problems);
    }
  }
  if (problems.length > 0) throw refusal(problems);
}

/**
 * As `updateOrganization`; a switch to SCHEMAS is refused while a type has a schema that does not compile: events of that type could
 * not be judged, and each would be refused.
 * @throws ForbiddenError, ValidationError; RateLimitedError a thousand jobs of this organization wait
 */
export async function changeOrganization(core: Core, caller: Caller, input: OrganizationInput): Promise<Organization> {
  demand(caller, "admin");
  if (input.eventTypeEnforcement === "SCHEMAS" && enforcementOf(await getOrganization(core, caller)) !== "SCHEMAS")
    await demandUsable(core, caller.organizationId);
  return updateOrganization(core, caller, input);
}
