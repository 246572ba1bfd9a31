// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
/** How this very call was signed, step by step, so that a receiver's developer finds the byte that differs. */
import { Code } from "../components/code.tsx";
import { Facts } from "../components/page.tsx";
import type { AttemptDetail, RequestDetail } from "./documents.ts";

const header = (attempt: AttemptDetail, name: string): string | undefined => {
  const headers = (attempt.requestHeaders ?? {}) as Record<string, unknown>;
  const found = Object.entries(headers).find(([each]) => each.toLowerCase() === name);
  return found ? String(found[1]) : undefined;
};

export function Signature({ request, attempt, body }: { request: RequestDetail; attempt: AttemptDetail; body: string | null }) {
  const id = header(attempt, "webhook-id");
  const timestamp = header(attempt, "webhook-timestamp");
  const signature = header(attempt, "webhook-signature");
  if (request.dialect === "CRMCOM" && request.authenticationCode !== null) {
    return (
      <Facts
        columns={1}
        facts={[
          [
            "Authentication code, in the body",
            <span key="code" className="mono">
              {request.authenticationCode}
            </span>,
          ],
          ["How to check it", "HMAC over the JSON text of `data`, with the selected secret key."],
        ]}
      />
    );
  }
  if (signature === undefined || id === undefined || timestamp === undefined)
    return <p className="quiet">This call was not signed: the webhook has no signing secret.</p>;
  const text = body ?? "";
  return (
    <>
      <p className="quiet" style={{ marginTop: 0, lineHeight: 1.55 }}>
        The three parts below, joined by dots, are the signed text. Its HMAC-SHA256 with the decoded secret (what follows whsec_), in
        base64, must equal one of the signatures. Compare the raw bytes: a body that was parsed and printed again no longer verifies.
      </p>
      <Facts
        facts={[
          [
            "webhook-id",
            <span key="id" className="mono">
              {id}
            </span>,
          ],
          [
            "webhook-timestamp",
            <span key="timestamp" className="mono">
              {timestamp}
            </span>,
          ],
          [
            "webhook-signature",
            <span key="signature" className="mono">
              {signature}
            </span>,
          ],
        ]}
      />
      <div style={{ marginTop: 14 }}>
        <Code text={`${id}.${timestamp}.${text.length > 4_000 ? `${text.slice(0, 4_000)}…` : text}`} label="signed text" />
      </div>
    </>
  );
}
