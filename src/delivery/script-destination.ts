/** A script as a destination: what it may be told is told to this text of it, for whoever changes it could have it printed. */
import { createHash } from "node:crypto";

export const scriptDestination = ({ id, source }: { id: string; source: string }): string =>
  `crmscript:${id}:${createHash("sha256").update(source).digest("base64url")}`;
