/** One engine, five faces. */
import type { Dialect, DialectName } from "./dialect.ts";
import { cotalker } from "./dialects/cotalker.ts";
import { crmcom } from "./dialects/crmcom.ts";
import { doforms } from "./dialects/doforms.ts";
import { standard } from "./dialects/standard.ts";
import { superoffice } from "./dialects/superoffice.ts";

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  STANDARD: standard,
  CRMCOM: crmcom,
  DOFORMS: doforms,
  COTALKER: cotalker,
  SUPEROFFICE: superoffice,
};
