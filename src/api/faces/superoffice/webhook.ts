/** A webhook definition in SuperOffice's words (S14–S29). */
import type { Caller } from "../../../accounts/caller.ts";
import { usersById } from "../../../accounts/lookup.ts";
import type { Core } from "../../../core.ts";
import type { DefinitionCounter, User } from "../../../db/generated/prisma/client.ts";
import { countersOf } from "../../../definitions/counters.ts";
import { readSigningSecret } from "../../../definitions/definitions.ts";
import { openHeaders, seesSecrets, shownHeaders, shownProperties, shownUrl } from "../../../definitions/headers.ts";
import { scriptNames } from "../../../definitions/scripts.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import { type Totals, totalsOf } from "../../../requests/totals.ts";
import { STATE_NAMES } from "../../../wire/dialects/superoffice.ts";
import { type Associate, associateOf } from "./associates.ts";
import type { FormatDate } from "./dates.ts";

/** Key order as in the vendor's samples; further fields behind them. */
export interface Webhook {
  WebhookId: number;
  Name: string | null;
  Events: string[];
  /** The URL, or the name of the script. */
  TargetUrl: string | null;
  /** Null also for callers without `secrets:read`. */
  Secret: string | null;
  State: (typeof STATE_NAMES)[keyof typeof STATE_NAMES];
  Type: "webhook" | "crmscript";
  /** Null when there are none; masked for callers without `secrets:read`. */
  Headers: Record<string, string> | null;
  Properties: Record<string, unknown> | null;
  Registered: string;
  RegisteredAssociate: Associate | null;
  Updated: string;
  UpdatedAssociate: Associate | null;
  ErrorsEmail: string | null;
  Description: string | null;
  TotalCalls: number;
  TotalErrors: number;
  ConsecutiveErrors: number;
  LastError: string | null;
}

/** GET /default: the vendor's own defaults. */
export const DEFAULT_WEBHOOK = {
  WebhookId: 0,
  Name: null,
  Events: ["contact.created", "contact.deleted"],
  TargetUrl: null,
  Secret: null,
  State: "Active",
  Type: "webhook",
  Headers: null,
  Properties: null,
  Registered: "0001-01-01T00:00:00",
  RegisteredAssociate: null,
  Updated: "0001-01-01T00:00:00",
  UpdatedAssociate: null,
  ErrorsEmail: null,
} as const;

/** What stands in other tables than the definition's own. */
interface Related {
  users: Map<string, User>;
  counters: Map<string, DefinitionCounter>;
  totals: Map<string, Totals>;
  scripts: Map<string, string>;
}

async function related(core: Core, organizationId: string, rows: readonly DefinitionRow[]): Promise<Related> {
  const userIds = rows.flatMap((row) => [row.createdById, row.updatedById]).filter((id) => id !== null);
  const scriptIds = rows.map((row) => row.scriptId).filter((id) => id !== null);
  const definitionIds = rows.map((row) => row.id);
  const [users, counters, totals, scripts] = await Promise.all([
    usersById(core, organizationId, userIds),
    countersOf(core, organizationId, definitionIds),
    totalsOf(core.db, organizationId, definitionIds),
    scriptNames(core, organizationId, scriptIds),
  ]);
  return { users, counters, totals, scripts };
}

/** @param rows of the caller's organization */
export async function webhooksOf(core: Core, caller: Caller, rows: readonly DefinitionRow[], format: FormatDate): Promise<Webhook[]> {
  const found = await related(core, caller.organizationId, rows);
  const inClear = seesSecrets(caller);
  return Promise.all(
    rows.map(async (row) => {
      const counter = found.counters.get(row.id);
      const associate = (id: string | null) => {
        const user = found.users.get(id ?? "");
        return user ? associateOf(user) : null;
      };
      return {
        WebhookId: row.number,
        Name: row.name,
        Events: row.eventTypes,
        TargetUrl: row.targetType === "CRMSCRIPT" ? (found.scripts.get(row.scriptId ?? "") ?? null) : shownUrl(caller, row.targetUrl),
        Secret: inClear ? await readSigningSecret(core, caller, row.id) : null,
        State: STATE_NAMES[row.state],
        Type: row.targetType === "CRMSCRIPT" ? "crmscript" : "webhook",
        Headers: row.headers === null ? null : inClear ? openHeaders(core, row) : shownHeaders(core, caller, row),
        Properties: shownProperties(core, caller, row),
        Registered: format(row.createdAt),
        RegisteredAssociate: associate(row.createdById),
        Updated: format(row.updatedAt),
        UpdatedAssociate: associate(row.updatedById),
        ErrorsEmail: row.errorsEmail,
        Description: row.description,
        TotalCalls: found.totals.get(row.id)?.totalCalls ?? 0,
        TotalErrors: found.totals.get(row.id)?.totalErrors ?? 0,
        ConsecutiveErrors: counter?.consecutiveErrors ?? 0,
        LastError: counter?.lastError ?? null,
      };
    }),
  );
}

/** S28. */
export function withLinks<T extends { WebhookId: number }>(webhook: T, base: string) {
  return { ...webhook, _Links: { Self: `${base}/api/v1/Webhook/${webhook.WebhookId}`, Archive: `${base}/api/v1/Webhook` } };
}
