/**
 * How a browser gets a session without a password: by a one-time link, or by an API token. Both by POST from a page of ours:
 * a GET, or a HEAD, as mail scanners and link previews send, uses nothing up.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { redeemSignInLink, type Session, signInUrl, signInWithToken } from "../../accounts/sessions.ts";
import { redeemPortalLink } from "../../applications/portal.ts";
import type { Core } from "../../core.ts";
import { UnauthenticatedError, ValidationError } from "../../errors.ts";
import { isJsonType, jsonOf, mediaType, UnsupportedMediaTypeError } from "../body.ts";
import { foreignPage, isOwnOrigin, portalCookies, sessionCookies } from "../session.ts";

const BODY_BYTES = 4096;
const body = z.object({ token: z.string().min(1).max(1024) });

/** @throws ForbiddenError when another site's page sends it: it would sign a visitor in as somebody else */
function tokenIn(core: Core, request: FastifyRequest): string {
  if (!isOwnOrigin(core, request.headers)) throw foreignPage(core, request.headers, "a sign-in");
  if (!isJsonType(mediaType(request))) throw new UnsupportedMediaTypeError("send the token as application/json");
  const parsed = body.safeParse(jsonOf(request).value);
  if (!parsed.success) throw new ValidationError([{ path: "token", message: "must be a text of 1 to 1024 characters" }]);
  return parsed.data.token.trim();
}

/** @throws UnauthenticatedError */
function enter(core: Core, reply: FastifyReply, session: Session | undefined, refusal: string, cookies = sessionCookies): FastifyReply {
  if (!session) throw new UnauthenticatedError(refusal);
  return reply
    .header("set-cookie", cookies(core, session.token, session.expiresAt))
    .header("cache-control", "no-store")
    .code(204)
    .send();
}

export function signInRoutes(core: Core): FastifyPluginAsync {
  return async (app) => {
    app.post("/sign-in-link", { bodyLimit: BODY_BYTES }, async (request, reply) =>
      enter(
        core,
        reply,
        await redeemSignInLink(core, tokenIn(core, request), request.ip),
        "this link was used before, or is older than 15 minutes",
      ),
    );
    app.post("/portal/sign-in", { bodyLimit: BODY_BYTES }, async (request, reply) =>
      enter(
        core,
        reply,
        await redeemPortalLink(core, tokenIn(core, request), request.ip),
        "this link was used before, or has expired",
        portalCookies,
      ),
    );
    app.post("/sign-in-token", { bodyLimit: BODY_BYTES }, async (request, reply) =>
      enter(core, reply, await signInWithToken(core, tokenIn(core, request), request.ip), "this API token is unknown, expired or revoked"),
    );
    // The form of links before 0.2: on to the page, which posts.
    app.get("/sign-in-link", async (request, reply) => {
      const { token } = request.query as { token?: unknown };
      // Nothing else that somebody puts there is said again.
      const known = typeof token === "string" && /^hks_[\w-]{20,200}$/.test(token);
      return reply
        .header("referrer-policy", "no-referrer")
        .header("cache-control", "no-store")
        .redirect(known ? signInUrl("", token) : "/sign-in", 303);
    });
  };
}
