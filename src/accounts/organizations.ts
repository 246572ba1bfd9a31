/** The tenants. */
import { z } from "zod";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { Feature, Organization } from "../db/generated/prisma/client.ts";
import { retried } from "../db/retry.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../errors.ts";
import { audit } from "./audit.ts";
import type { Caller } from "./caller.ts";
import { demand } from "./caller.ts";
import { issueToken } from "./tokens.ts";

const NAME_LENGTH = 255;

function cleanName(name: string): string {
  const trimmed = name.trim();
  if (trimmed === "" || trimmed.length > NAME_LENGTH) {
    throw new ValidationError([{ path: "name", message: `must have 1 to ${NAME_LENGTH} characters` }]);
  }
  return trimmed;
}

function demandOperator(caller: Caller): void {
  if (!caller.operator) throw new ForbiddenError("only the operator (the bootstrap token) may do this");
}

/** The caller's own. */
export async function getOrganization(core: Core, caller: Caller): Promise<Organization> {
  return core.db.prisma.organization.findUniqueOrThrow({ where: { id: caller.organizationId } });
}

/**
 * A further organization, its features off, with an administrator of its own who has a token.
 * @returns the token in clear: it is shown once
 * @throws ForbiddenError unless the caller is the operator
 */
export async function createOrganization(
  core: Core,
  caller: Caller,
  input: { name: string },
): Promise<{ organization: Organization; adminToken: string }> {
  demandOperator(caller);
  const name = cleanName(input.name);
  const id = newId(core.clock);
  const email = `admin@${id}.invalid`;
  const make = () =>
    core.db.unscoped.$transaction(async (tx) => {
      const made = await tx.organization.create({ data: { id, name } });
      const admin = await tx.user.create({ data: { organizationId: id, email, name: "Administrator", role: "ADMIN" } });
      return [made, admin] as const;
    });
  const [organization, user] = await retried(make);
  const { token } = await issueToken(core, { organizationId: id, userId: user.id, name: "administrator", role: "ADMIN" });
  await audit(core, caller, "organization.create", { type: "Organization", id }, null, organization);
  return { organization, adminToken: token };
}

/**
 * Switches a feature of any organization.
 * @throws ForbiddenError unless the caller is the operator; NotFoundError
 */
export async function setOrganizationFeature(
  core: Core,
  caller: Caller,
  input: { organizationId: string; feature: Feature; enabled: boolean },
): Promise<Organization> {
  demandOperator(caller);
  const { rows } = await core.db.pool.query<{ id: string }>(
    `UPDATE organization SET features = CASE WHEN $3 THEN array_append(array_remove(features, $2::feature), $2::feature)
       ELSE array_remove(features, $2::feature) END WHERE id = $1 RETURNING id`,
    [input.organizationId, input.feature, input.enabled],
  );
  if (rows.length === 0) throw new NotFoundError("the organization");
  const organization = await core.db.prisma.organization.findUniqueOrThrow({ where: { id: input.organizationId } });
  await audit(core, caller, "organization.setFeature", { type: "Organization", id: organization.id }, null, input);
  return organization;
}

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    // An offset such as +02:00 is no IANA name.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
};

/** OFF: any type is accepted. NAMES: those of the catalogue. SCHEMAS: and payloads that fit their type's schema. */
export const ENFORCEMENTS = ["OFF", "NAMES", "SCHEMAS"] as const;
export type EventTypeEnforcement = (typeof ENFORCEMENTS)[number];

export function enforcementOf(row: Pick<Organization, "enforceEventTypes" | "enforceSchemas">): EventTypeEnforcement {
  if (!row.enforceEventTypes) return "OFF";
  return row.enforceSchemas ? "SCHEMAS" : "NAMES";
}

export interface OrganizationInput {
  name?: string | null | undefined;
  timeZone?: string | null | undefined;
  /** false: OFF; true: NAMES, or SCHEMAS where that stands already. */
  enforceEventTypes?: boolean | null | undefined;
  eventTypeEnforcement?: EventTypeEnforcement | null | undefined;
  /** Who is mailed its alerts; null: nobody. */
  alertEmail?: string | null | undefined;
  /** Days; null: as long as the installation keeps anything. */
  retentionDays?: number | null | undefined;
}

const EMAIL = z.email().max(255);

function enforcing({ enforceEventTypes: names, eventTypeEnforcement: all }: OrganizationInput): Partial<Organization> {
  if (all != null && names != null && names !== (all !== "OFF"))
    throw new ValidationError([{ path: "enforceEventTypes", message: `says otherwise than the enforcement ${all}; give one of the two` }]);
  if (all != null) return { enforceEventTypes: all !== "OFF", enforceSchemas: all === "SCHEMAS" };
  if (names == null) return {};
  return names ? { enforceEventTypes: true } : { enforceEventTypes: false, enforceSchemas: false };
}

/** An organization may keep less than the operator does, not more. */
function demandRetention(core: Core, days: number): void {
  const most = core.config.retentionDays;
  if (Number.isInteger(days) && days >= 1 && days <= most) return;
  const message = `must be 1 to ${most} days, which is what this installation keeps (HOOKLINE_RETENTION_DAYS), or null for that`;
  throw new ValidationError([{ path: "retentionDays", message }]);
}

/**
 * Schemas are not looked at here: definitions/enforce-schemas.ts.
 * @throws ForbiddenError without the scope admin; ValidationError on an empty name, an unknown time zone, two enforcements, days that
 * the installation does not keep
 */
export async function updateOrganization(core: Core, caller: Caller, input: OrganizationInput): Promise<Organization> {
  demand(caller, "admin");
  if (input.timeZone != null && !isTimeZone(input.timeZone)) {
    throw new ValidationError([{ path: "timeZone", message: 'must be an IANA time zone, such as "Europe/Berlin" or "UTC"' }]);
  }
  if (input.alertEmail != null && !EMAIL.safeParse(input.alertEmail).success)
    throw new ValidationError([{ path: "alertEmail", message: "must be one e-mail address of at most 255 characters, or null for none" }]);
  if (input.retentionDays != null) demandRetention(core, input.retentionDays);
  const before = await getOrganization(core, caller);
  const data = {
    ...(input.name != null ? { name: cleanName(input.name) } : {}),
    ...(input.timeZone != null ? { timeZone: input.timeZone } : {}),
    ...enforcing(input),
    ...(input.alertEmail !== undefined ? { alertEmail: input.alertEmail } : {}),
    ...(input.retentionDays !== undefined ? { retentionDays: input.retentionDays } : {}),
  };
  const after = await core.db.prisma.organization.update({ where: { id: caller.organizationId }, data });
  await audit(core, caller, "organization.update", { type: "Organization", id: after.id }, before, after);
  return after;
}
