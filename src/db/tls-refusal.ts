/** What TLS between us and Postgres fails on, in a sentence that names the parameter of DATABASE_URL to change. */
import type { DatabaseAddress } from "../database-url.ts";
import { DatabaseRefusal } from "./refusal.ts";

/** OpenSSL's names, as Node gives them. */
const UNTRUSTED = new Set([
  ...["SELF_SIGNED_CERT_IN_CHAIN", "DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT"],
  ...["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_SIGNATURE_FAILURE", "CERT_UNTRUSTED", "INVALID_CA", "PATH_LENGTH_EXCEEDED"],
]);
const OUT_OF_TIME = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

interface Failure {
  message: string;
  code?: string;
  /** Of Postgres: the function that refused, whatever the language of its message. */
  routine?: string;
  cert?: { subjectaltname?: string };
}

/** Undefined: it failed on something else. No message quotes a host, a user or a password. */
export function tlsRefusal(error: unknown, address: Pick<DatabaseAddress, "ssl">): DatabaseRefusal | undefined {
  const sentence = explain(error as Failure, address.ssl !== false);
  return sentence === undefined ? undefined : new DatabaseRefusal(sentence, { cause: error });
}

function explain({ message, code = "", routine, cert }: Failure, encrypted: boolean): string | undefined {
  if (UNTRUSTED.has(code))
    return `the server's certificate is of no CA that is trusted here (${code}): name the file of its CA's certificate in DATABASE_URL, as sslrootcert=…`;
  if (OUT_OF_TIME.has(code)) return `the server's certificate is not valid now (${code}): renew it, or set the clock of this machine`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the server's certificate is for ${cert?.subjectaltname ?? "no name"}, not for the host that DATABASE_URL names: name one that it is for, or set sslmode=verify-ca, which leaves the name out`;
  if (/^The server does not support SSL connections$/.test(message))
    return "the server does no TLS, and DATABASE_URL asks for it: turn ssl on in its postgresql.conf, or, on a network that you trust, set sslmode=disable";
  if (code === "28000" && routine === "ClientAuthentication")
    return encrypted
      ? "pg_hba.conf of the server takes no connection like this one over TLS: let it in there, or give DATABASE_URL the client certificate that it asks for, as sslcert=… and sslkey=…"
      : "pg_hba.conf of the server takes no connection like this one without TLS: set sslmode=require (or verify-full, with sslrootcert=…) in DATABASE_URL, or let it in there";
  return undefined;
}
