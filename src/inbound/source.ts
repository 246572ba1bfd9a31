/** The settings of an inbound webhook that makes events: how it verifies, what it makes of a post, what is the same post again. */
import { type Issue, ValidationError } from "../errors.ts";
import { parseSecret } from "../wire/signatures/standard.ts";
import { headerIssues, pathIssues, templateIssues } from "./templates.ts";
import { type Preset, publicKeyOf, type Verification } from "./verification.ts";

type Maybe<T> = T | null | undefined;

export interface VerificationInput {
  preset: Preset;
  secret?: Maybe<string>;
  header?: Maybe<string>;
  encoding?: Maybe<Verification["encoding"]>;
}

export interface DedupeInput {
  header?: Maybe<string>;
  path?: Maybe<string>;
}

export interface SourceInput {
  eventType?: Maybe<string>;
  verification?: Maybe<VerificationInput>;
  transformation?: Maybe<string>;
  dedupe?: Maybe<DedupeInput>;
}

/** As it is stored, the secret apart. */
export interface SourceSettings {
  eventType: string;
  verification: Preset;
  signatureHeader: string | null;
  signatureEncoding: Verification["encoding"];
  transformation: string | null;
  dedupeHeader: string | null;
  dedupePath: string | null;
}

/** Where the vault binds a source's secret to. */
export const secretPlace = (organizationId: string, id: string) => `${organizationId}/inbound-webhook/${id}`;

const isText = (secret: string) => secret.length >= 1 && secret.length <= 400 && secret.isWellFormed() && !secret.includes("\0");
const isStandard = (secret: string) => {
  const size = parseSecret(secret)?.length ?? 0;
  return (size >= 24 && size <= 64) || publicKeyOf(secret) !== undefined;
};

/** @param kept whether a secret of the same preset is stored already, and stays when none is given */
function verificationIssues({ preset, secret, header, encoding }: VerificationInput, kept: boolean): Issue[] {
  const at = (name: string) => `verification.${name}`;
  const issues: Issue[] = [];
  if (preset === "NONE") {
    if (secret) issues.push({ path: at("secret"), message: "must be left out with the preset NONE, which verifies nothing" });
  } else if (secret === null || secret === undefined) {
    if (!kept) issues.push({ path: at("secret"), message: `is needed by the preset ${preset}: the secret that the sender signs with` });
  } else if (preset === "STANDARD_WEBHOOKS") {
    if (!isStandard(secret))
      issues.push({
        path: at("secret"),
        message: "must be whsec_ and base64 of 24 to 64 bytes, or whpk_ and base64 (not base64url) of the 32 bytes of a public key",
      });
  } else if (!isText(secret)) issues.push({ path: at("secret"), message: "must have 1 to 400 characters" });
  if (preset === "HMAC") {
    if (!header) issues.push({ path: at("header"), message: "is needed by the preset HMAC: the header that the signature stands in" });
    else issues.push(...headerIssues(at("header"), header));
  } else {
    for (const [name, value] of Object.entries({ header, encoding }))
      if (value) issues.push({ path: at(name), message: `belongs to the preset HMAC; ${preset} says by itself what it is` });
  }
  return issues;
}

function dedupeIssues(dedupe: Maybe<DedupeInput>): Issue[] {
  if (!dedupe) return [];
  const { header, path } = dedupe;
  if (header && path) return [{ path: "dedupe", message: "names a header or a path, not both" }];
  if (header) return headerIssues("dedupe.header", header);
  return path ? pathIssues("dedupe.path", path) : [{ path: "dedupe", message: "names a header or a path; null ends deduping" }];
}

/**
 * What the settings are after `input`: what is absent stays.
 * @param before undefined for a new one
 * @param found what the sandbox says of the transformation
 * @throws ValidationError
 */
export function sourceAfter(before: SourceSettings | undefined, input: SourceInput, found: readonly Issue[]): SourceSettings {
  const { eventType, verification, transformation, dedupe } = input;
  const kept = before !== undefined && before.verification === verification?.preset && verification.preset !== "NONE";
  const issues: Issue[] = [
    ...(eventType === null || (eventType === undefined && !before)
      ? [{ path: "eventType", message: "is needed: the type of the events, such as order.created or github.{header:x-github-event}" }]
      : eventType === undefined
        ? []
        : templateIssues("eventType", eventType)),
    ...(verification === null && before
      ? [{ path: "verification", message: "must not be null; leave it out, or give the preset NONE" }]
      : []),
    ...(verification ? verificationIssues(verification, kept) : []),
    ...(transformation === "" ? [{ path: "transformation", message: "must define function transform(event); null removes it" }] : []),
    ...found.map(({ message }) => ({ path: "transformation", message })),
    ...dedupeIssues(dedupe),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
  return {
    eventType: eventType ?? (before?.eventType as string),
    verification: verification?.preset ?? before?.verification ?? "NONE",
    signatureHeader: verification ? (verification.header?.toLowerCase() ?? null) : (before?.signatureHeader ?? null),
    signatureEncoding: verification ? (verification.encoding ?? "HEX") : (before?.signatureEncoding ?? "HEX"),
    transformation: transformation === undefined ? (before?.transformation ?? null) : transformation,
    dedupeHeader: dedupe === undefined ? (before?.dedupeHeader ?? null) : (dedupe?.header?.toLowerCase() ?? null),
    dedupePath: dedupe === undefined ? (before?.dedupePath ?? null) : (dedupe?.path ?? null),
  };
}
