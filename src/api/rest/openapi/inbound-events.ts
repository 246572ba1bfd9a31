/** The secret URL that makes events of any sender's posts. */
import { body, exactly, inPath, json, LATER, maybe, type Operation, type Part, ref, refusals, text } from "./parts.ts";

const receive: Operation = {
  operationId: "receiveInboundEvent",
  summary: "Takes any sender's post as an event.",
  description:
    "The key in the URL is the credential; where the inbound webhook has a verification, the sender's signature over the exact bytes too. JSON, a form or text of at most 256 KiB. The same post again (its `dedupe`) is answered with the first one's event. `OPTIONS` with `WebHook-Request-Origin` is CloudEvents' handshake.",
  security: [],
  parameters: [
    inPath("id", "Of the inbound webhook, `inb_…`.", text()),
    inPath("key", "The secret part of the URL, shown once when it was made.", text()),
  ],
  requestBody: body({}, { action: "opened" }, ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]),
  responses: {
    200: json("Slack's url_verification, answered.", exactly({ challenge: text() })),
    202: json(
      "Accepted.",
      exactly({ id: maybe(text("Null: the transformation makes no event of it.", { pattern: "^evt_[0-9a-f]{32}$" })) }),
    ),
    ...refusals(
      ref("Problem"),
      {
        400: "It cannot be read, or comes to no event type that is allowed.",
        401: "Its signature or timestamp is not right: no more is said.",
        403: "The webhook or the organization's feature is off, or the call came without TLS.",
        404: "An unknown id or a wrong key.",
        405: "Another method than POST.",
        408: "The body took too long.",
        413: "More than 256 KiB.",
        415: "Another content type or charset, or a Content-Encoding.",
        422: "The webhook's transformation failed: its log says how.",
        ...LATER,
      },
      "application/problem+json",
    ),
  },
};

export const inboundEvents: Part = {
  tag: { name: "Inbound sources", description: "Any sender's posts as events." },
  paths: { "/inbound/events/{id}/{key}": { post: receive } },
  schemas: {},
};
