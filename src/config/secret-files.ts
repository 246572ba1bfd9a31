/**
 * `NAME_FILE` for every variable that holds a secret: the path of a file with its value, as Docker, Kubernetes and systemd
 * hand secrets over.
 */
import { readPlainFile } from "./plain-file.ts";

export const SECRETS = [
  "DATABASE_URL",
  "HOOKLINE_DATABASE_DIRECT_URL",
  "HOOKLINE_ADMIN_TOKEN",
  "HOOKLINE_MASTER_KEY",
  "HOOKLINE_METRICS_TOKEN",
  "HOOKLINE_OIDC_CLIENT_SECRET",
  "HOOKLINE_SMTP_URL",
  "HOOKLINE_TOKEN",
  "OTEL_EXPORTER_OTLP_HEADERS",
] as const;

const LARGEST_BYTES = 64 * 1024;

type Environment = Record<string, string | undefined>;

export interface WithFiles {
  env: Environment;
  /** `NAME` → `NAME_FILE` for what came from a file: so that a mistake is told of what was set. */
  shown: ReadonlyMap<string, string>;
  problems: string[];
}

function read(file: string): { text: string } | { problem: string } {
  const found = readPlainFile(file, "a secret", LARGEST_BYTES);
  if ("problem" in found) return found;
  const text = found.bytes.toString("utf8").trim();
  return text === "" ? { problem: `${file} is empty: write the value into it` } : { text };
}

/** @param given without empty variables */
export function readSecretFiles(given: Environment): WithFiles {
  const env = { ...given };
  const shown = new Map<string, string>();
  const problems: string[] = [];
  for (const name of SECRETS) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}_FILE: ${name} is set too: set one of the two`);
      continue;
    }
    shown.set(name, `${name}_FILE`);
    const found = read(file);
    if ("problem" in found) problems.push(`${name}_FILE: ${found.problem}`);
    else env[name] = found.text;
  }
  return { env, shown, problems };
}
