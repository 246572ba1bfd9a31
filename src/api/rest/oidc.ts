/**
 * Single sign-on. `GET /sign-in/oidc` sends the browser to the provider, `GET /sign-in/oidc/callback` takes it back and signs it
 * in. What belongs to one sign-in (state, nonce, PKCE verifier) is kept in a cookie of its own: nobody else's browser can finish it,
 * and two tabs sign in beside each other. Each state is good once, over all processes. What goes wrong is told on the sign-in page,
 * by a word of a fixed list.
 */
import { createHash } from "node:crypto";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { OidcRefusal, signInByProvider } from "../../accounts/oidc.ts";
import { networkOf } from "../../accounts/password-door.ts";
import { rateStatements } from "../../accounts/rate-limit.ts";
import { isUnavailable } from "../../db/unavailable.ts";
import { NotFoundError, RateLimitedError } from "../../errors.ts";
import type { Doors } from "../doors.ts";
import { ProviderUnreachableError } from "../oidc/guarded-fetch.ts";
import { type Attempt, createProvider } from "../oidc/provider.ts";
import { cookiesOf, hostBy, sessionCookies } from "../session.ts";

const START = "/sign-in/oidc";
const CALLBACK = `${START}/callback`;
const COOKIE = "hookline_oidc_";
const OURS = /^hookline_oidc_[\w-]{12}$/;
/** Sign-ins that one browser may have begun; of more the oldest are forgotten, or its header of cookies grows too long. */
const MOST_BEGUN = 4;
/** A sign-in at the provider takes no longer, seconds. */
const PATIENCE_S = 600;
const PER_ADDRESS = { count: 60, seconds: 60 };
const LONGEST_COOKIE = 2_048;
const LONGEST_PATH = 1_024;
/** In the query of a start that another host of ours sent the browser to. */
const SENT_HERE = "again";
/** Anybody may call the callback: lines of those that brought no cookie, milliseconds apart. */
const LINE_MS = 60_000;

/** A state is 256 random bits: a part of it tells those of one browser apart. */
const cookieOf = (state: string) => COOKIE + createHash("sha256").update(state).digest("base64url").slice(0, 12);
/** In the order in which they were set: browsers send them so. */
const begunBy = (request: FastifyRequest) => [...cookiesOf(request.headers.cookie).keys()].filter((name) => OURS.test(name));

const attempt = z.object({ state: z.string().min(16), nonce: z.string().min(16), verifier: z.string().min(43), next: z.string() });

/** Only to our own pages, as the dashboard itself judges it. Measured as it goes into the cookie: percent-encoded, nine characters for one. */
const ownPath = (next: unknown): string => {
  const url = typeof next === "string" && next.startsWith("/") ? URL.parse(next, "http://self.invalid") : null;
  if (url?.origin !== "http://self.invalid" || url.pathname.startsWith("//")) return "/";
  const path = url.pathname + url.search + url.hash;
  return path.length <= LONGEST_PATH ? path : "/";
};

/**
 * A cookie is its host's own, and the provider sends browsers back to HOOKLINE_PUBLIC_URL: who asks at another host begins there.
 * Once: behind a proxy that writes a Host of its own no request seems to be at that one.
 * @returns where to begin; undefined: here
 */
function otherStart(request: FastifyRequest, publicUrl: string | undefined): string | undefined {
  const { next, [SENT_HERE]: sentHere } = request.query as Record<string, unknown>;
  if (publicUrl === undefined || sentHere !== undefined) return undefined;
  const { protocol, host } = new URL(publicUrl);
  const asked = hostBy(protocol, request.headers["x-forwarded-host"] ?? request.headers.host);
  return asked === host ? undefined : `${publicUrl}${START}?${new URLSearchParams({ next: ownPath(next), [SENT_HERE]: "1" })}`;
}

/** What the browser kept of the sign-in that comes back; undefined for nothing, and for what is none of ours. */
function attemptOf(request: FastifyRequest, state: unknown): Attempt | undefined {
  const text = typeof state === "string" ? (cookiesOf(request.headers.cookie).get(cookieOf(state)) ?? "") : "";
  if (text === "" || text.length > LONGEST_COOKIE) return undefined;
  try {
    const kept = attempt.safeParse(JSON.parse(Buffer.from(text, "base64url").toString())).data;
    return kept?.state === state ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function oidcRoutes({ core, publicUrl }: Doors): FastifyPluginAsync {
  const { oidc: config, passwords } = core.config;
  const secure = core.config.publicUrl?.startsWith("https:") ? "; Secure" : "";
  const kept = (name: string, value: string, seconds: number) =>
    `${name}=${value}; Path=${START}; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  const gone = (names: readonly string[]) => names.map((name) => kept(name, "", 0));
  const quiet = (reply: FastifyReply) => reply.header("cache-control", "no-store").header("referrer-policy", "no-referrer");

  /** @throws RateLimitedError: each of these costs a call to the provider, or a row */
  async function countAddress(request: FastifyRequest): Promise<void> {
    const rate = await rateStatements.hit(core, `oidc-address:${networkOf(request.ip)}`, PER_ADDRESS);
    if (rate.exceeded) throw new RateLimitedError(rate.resetSeconds);
  }

  let toldAt = Number.NEGATIVE_INFINITY;
  function tellLost(): void {
    const now = core.clock.monotonic();
    if (now - toldAt < LINE_MS) return;
    toldAt = now;
    core.log.info(
      { publicUrl: publicUrl() },
      "a single sign-on came back without the cookie it began with: it took too long, or the browser began at another address than HOOKLINE_PUBLIC_URL",
    );
  }

  /** The word that the sign-in page has a sentence for. What the provider or openid-client says is for the operator's log. */
  function problemWord(error: unknown): string {
    if (error instanceof OidcRefusal) return error.refusal;
    if (error instanceof RateLimitedError) return "limit";
    const { code, error: answer, cause } = error as { code?: unknown; error?: unknown; cause?: unknown };
    const unreachable = [error, cause].find((each) => each instanceof ProviderUnreachableError);
    if (!unreachable && isUnavailable(error)) return "database";
    const detail = unreachable ? unreachable.detail : (error as Error).message;
    core.log.warn({ issuer: config?.issuer, code, answer, detail }, "single sign-on failed");
    if (unreachable) return "unreachable";
    return answer === "access_denied" ? "denied" : "invalid";
  }

  return async (app) => {
    // Asked by the sign-in page, of nobody yet.
    app.get("/sign-in/options", async (_request, reply) =>
      reply.header("cache-control", "no-store").send({ passwords, oidc: config !== undefined }),
    );
    if (!config) {
      const none = async () => {
        throw new NotFoundError("single sign-on is not set up here: it");
      };
      app.get(START, none);
      app.get(CALLBACK, none);
      return;
    }
    const provider = createProvider(core, config);
    app.addHook("onClose", () => provider.close());
    const redirectUri = () => publicUrl() + CALLBACK;
    const failed = (reply: FastifyReply, error: unknown, forgotten: readonly string[]) =>
      quiet(reply)
        .header("set-cookie", gone(forgotten))
        .redirect(`/sign-in#problem=${problemWord(error)}`, 303);

    app.get(START, { exposeHeadRoute: false }, async (request, reply) => {
      const elsewhere = otherStart(request, core.config.publicUrl);
      if (elsewhere !== undefined) return quiet(reply).redirect(elsewhere, 303);
      try {
        await countAddress(request);
        const begun = await provider.begin(redirectUri(), ownPath((request.query as { next?: unknown }).next));
        const value = Buffer.from(JSON.stringify(begun.attempt)).toString("base64url");
        const forgotten = begunBy(request).slice(0, 1 - MOST_BEGUN);
        return quiet(reply)
          .header("set-cookie", [...gone(forgotten), kept(cookieOf(begun.attempt.state), value, PATIENCE_S)])
          .redirect(begun.url.href, 303);
      } catch (error) {
        return failed(reply, error, []);
      }
    });

    app.get(CALLBACK, { exposeHeadRoute: false }, async (request, reply) => {
      const begun = attemptOf(request, (request.query as { state?: unknown }).state);
      if (!begun) {
        tellLost();
        return quiet(reply).redirect("/sign-in#problem=expired", 303);
      }
      const own = [cookieOf(begun.state)];
      try {
        await countAddress(request);
        const once = `oidc-state:${createHash("sha256").update(begun.state).digest("base64url")}`;
        if ((await rateStatements.hit(core, once, { count: 1, seconds: PATIENCE_S })).exceeded)
          return quiet(reply).header("set-cookie", gone(own)).redirect("/sign-in#problem=expired", 303);
        const claims = await provider.finish(new URL(redirectUri() + new URL(request.url, "http://self.invalid").search), begun);
        const session = await signInByProvider(core, config, claims, request.ip);
        return quiet(reply)
          .header("set-cookie", [...sessionCookies(core, session.token, session.expiresAt), ...gone(own)])
          .redirect(ownPath(begun.next), 303);
      } catch (error) {
        return failed(reply, error, own);
      }
    });
  };
}
