/** A user as SQL reads it: the shape that Prisma gives. */
import type { User } from "../db/generated/prisma/client.ts";

export type { User };

/** Of a table `users u`. */
export const USER_COLUMNS = `u.id, u.organization_id AS "organizationId", u.number, u.email, u.username, u.name, u.password_hash AS "passwordHash",
  u.role, u.disabled_at AS "disabledAt", u.oidc_issuer AS "oidcIssuer", u.oidc_subject AS "oidcSubject",
  u.created_at AS "createdAt", u.updated_at AS "updatedAt"`;

/** What they sign in with beside the e-mail, and are shown as: the e-mail where no name was given. */
export const usernameOf = (user: Pick<User, "username" | "email">): string => user.username ?? user.email;
