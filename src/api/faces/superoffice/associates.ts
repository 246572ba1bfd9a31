/** An associate is a user (S24, S26); its id is the user's number. */
import type { Caller } from "../../../accounts/caller.ts";
import { userNumber } from "../../../accounts/lookup.ts";
import type { Core } from "../../../core.ts";
import type { User } from "../../../db/generated/prisma/client.ts";

export type Associate = ReturnType<typeof associateOf>;

export function associateOf(user: User) {
  const name = user.name ?? user.username;
  return {
    AssociateId: user.number,
    Name: user.username,
    PersonId: 0,
    Rank: 0,
    Tooltip: name,
    Type: "InternalAssociate",
    GroupIdx: 0,
    FullName: name,
    FormalName: name,
    Deleted: false,
    EjUserId: 0,
    UserName: user.email,
    ExtraFields: {},
    CustomFields: {},
    TableRight: null,
    FieldProperties: {},
  };
}

/** The user's number; null for the system. */
export async function associateIdOf(core: Core, caller: Caller): Promise<string | null> {
  const number = await userNumber(core, caller);
  return number === null ? null : String(number);
}
