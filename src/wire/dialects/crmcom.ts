/**
 * CRM.COM R9. The vendor publishes neither the posted JSON nor the HMAC's hash: both are our reconstruction.
 * `authentication_code` stands in the body and signs the bytes of `data` beside it, so `data` is written once.
 */
import { type DefinitionView, type Dialect, USUAL } from "../dialect.ts";
import { pick } from "../fields.ts";
import { members, stringSource } from "../json-text.ts";
import { judgeByStatus } from "../outcome.ts";
import { rendered } from "../rendered.ts";
import { authenticationCode } from "../signatures/hmac.ts";
import { targetOf } from "../target.ts";

export const crmcom: Dialect = {
  ...USUAL,
  name: "CRMCOM",
  defaults: {
    ordering: "NONE",
    concurrency: 10,
    onExhausted: "SKIP",
    waits: [],
    jitter: 0,
    requeueWait: 60,
    maxConsecutiveErrors: null,
    timeoutMs: 15_000,
    onGone: null,
  },
  codes: "PRINTABLE",
  /** A resend uses the definition as it is now: URL, headers, key, fields set. */
  rendersAnew: true,
  target: targetOf,
  render(input) {
    const { event, definition, request } = input;
    if (input.body) return rendered(input, input.body, {}, codeOf(input.body, definition));
    const data = pick(event.payload, definition.fieldsSet);
    const code = definition.secretKey && authenticationCode(definition.secretKey, data);
    const body = Buffer.from(
      `{"number":"${request.number}","entity":${JSON.stringify(event.entity)},"entity_id":${JSON.stringify(event.entityId)},` +
        `"authentication_code":${JSON.stringify(code)},"data":${data}}`,
    );
    return rendered(input, body, {}, code);
  },
  judge: (answer) => judgeByStatus(answer, 200, 299),
};

/** Of bytes made before or elsewhere: the code that they carry, else one over all of them. */
function codeOf(body: Buffer, definition: DefinitionView): string | null {
  const carried = carriedCode(body.toString("utf8"));
  return carried === undefined ? definition.secretKey && authenticationCode(definition.secretKey, body) : carried;
}

function carriedCode(body: string): string | null | undefined {
  try {
    const source = members(body)?.get("authentication_code");
    return source === undefined ? undefined : (stringSource(source) ?? null);
  } catch {
    return undefined; // A transformation may send what is no JSON.
  }
}
