/** doForms' error form: `{"status":400,"message":"headers: …"}`. */
import type { ErrorForm } from "../../problem.ts";
import type { Words } from "../words.ts";

export const words: Words = {
  fields: {
    ...{ urlAdded: "urls.added", urlEdited: "urls.edited", urlDeleted: "urls.deleted", urlStatus: "urls.status" },
    ...{ eventTypes: "events", targetUrl: "urls" },
  },
  sentences: {
    "another webhook definition has this code": "another target was set at the same moment; try again",
    "the webhook definition was not found": "the target was not found",
  },
};

export const doformsError: ErrorForm = (reply, { status, message, headers }) =>
  reply
    .code(status)
    .headers(headers ?? {})
    .type("application/json; charset=utf-8")
    .send(JSON.stringify({ status, message }));
