/** Single sign-on and the ways in, as a sign-in page uses them. */
import { exactly, inQuery, json, type Part, plain, ref, refusals } from "./parts.ts";

const NONE = refusals(ref("Problem"), { 404: "Single sign-on is not set up here." }, "application/problem+json");

export const singleSignOn: Part = {
  tag: { name: "Single sign-on", description: "Signing in with an OpenID provider; docs/accounts.md says how it is set up." },
  paths: {
    "/sign-in/options": {
      get: {
        operationId: "signInOptions",
        summary: "Which ways in this server has.",
        security: [],
        responses: {
          200: json(
            "Whether people's passwords are good, and whether there is single sign-on.",
            exactly({ passwords: { type: "boolean" }, oidc: { type: "boolean" } }),
          ),
        },
      },
    },
    "/sign-in/oidc": {
      get: {
        operationId: "beginSingleSignOn",
        summary: "Sends a browser to the OpenID provider.",
        security: [],
        parameters: [inQuery("next", "A path of this server to go on at; / for any other.", { type: "string", maxLength: 1024 })],
        responses: { 303: plain("To the provider; or to /sign-in#problem=unreachable, when it cannot be asked."), ...NONE },
      },
    },
    "/sign-in/oidc/callback": {
      get: {
        operationId: "finishSingleSignOn",
        summary: "Where the provider sends the browser back to; signs it in.",
        security: [],
        parameters: [
          inQuery("code", "Of the provider.", { type: "string" }),
          inQuery("state", "As it was sent there: good once, in the browser that began.", { type: "string" }),
          inQuery("error", "Of the provider, instead of a code.", { type: "string" }),
        ],
        responses: {
          303: plain("The session cookie is set, and the browser goes on; or to /sign-in#problem=<word>, and the log says why."),
          ...NONE,
        },
      },
    },
  },
  schemas: {},
};
