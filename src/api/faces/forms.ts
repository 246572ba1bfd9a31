/** In which product's words a path speaks that no route takes. */
import { type ErrorForm, problemJson } from "../problem.ts";
import { cotalkerError } from "./cotalker/errors.ts";
import { sendError as crmcomError } from "./crmcom/envelope.ts";
import { answerProblem as doformsError } from "./doforms/answers.ts";
import { type ErrorStatus, errorBody, guardHeaders, sendError } from "./results/answers.ts";
import { superofficeError } from "./superoffice/errors.ts";

const resultsError: ErrorForm = (reply, { status, message, headers }) => {
  guardHeaders(reply);
  return sendError(reply.headers(headers ?? {}), errorBody(status as ErrorStatus, { message }));
};

const FORMS: readonly { below: RegExp; form: ErrorForm }[] = [
  { below: /^\/(api\/inbound-webhooks|inbound)(\/|$)/, form: resultsError },
  { below: /^\/api\/v1(\/|$)/, form: superofficeError },
  { below: /^\/api\/v2(\/|$)/, form: doformsError },
  { below: /^\/(api\/v3|auth)(\/|$)/, form: cotalkerError },
  {
    below: /^\/crmapi(\/|$)/,
    form: (reply, { status, code, message, headers }) => crmcomError(reply.headers(headers ?? {}), code, message, status),
  },
];

/** @param path without its query */
export function formAt(path: string): ErrorForm {
  return FORMS.find(({ below }) => below.test(path))?.form ?? problemJson;
}
