/**
 * The OpenID provider, as openid-client speaks with it: authorization code, PKCE, state, nonce, and the ID token's signature
 * checked against the provider's keys.
 */
import * as oidc from "openid-client";
import type { Claims } from "../../accounts/oidc.ts";
import type { OidcConfig } from "../../config/oidc.ts";
import type { Core } from "../../core.ts";
import { createGuardedFetch } from "./guarded-fetch.ts";

/** Of one sign-in, kept by the browser between its two halves. */
export interface Attempt {
  state: string;
  nonce: string;
  verifier: string;
  /** Where to go on: a path of ours. */
  next: string;
}

export interface Provider {
  /** Where the browser is sent. @throws ProviderUnreachableError */
  begin(redirectUri: string, next: string): Promise<{ url: URL; attempt: Attempt }>;
  /** What the provider says of who came back. @throws ProviderUnreachableError; else openid-client's error for what does not fit */
  finish(returned: URL, attempt: Attempt): Promise<Claims>;
  close(): Promise<void>;
}

const TIMEOUT_S = 10;
/** Seconds that the two clocks may differ. */
const CLOCK_TOLERANCE_S = 30;
/** What was found is asked for anew after so long: providers change their addresses and ways, seldom. */
const FOUND_MS = 3_600_000;
/** A provider that could not be reached is left alone for so long. */
const FAILED_MS = 2_000;

/**
 * The ID token comes first; null says nothing. Whether an e-mail is verified is taken of whoever says the e-mail: the word about another
 * address proves nothing of this one.
 */
function together(said: Claims, asked: Record<string, unknown>): Claims {
  const isSaid = ([, value]: [string, unknown]) => value !== undefined && value !== null;
  const all: Claims = { ...asked, ...Object.fromEntries(Object.entries(said).filter(isSaid)), sub: said.sub };
  if (String(all["email"]).toLowerCase() !== String(asked["email"]).toLowerCase()) all["email_verified"] = said["email_verified"];
  else if (!isSaid(["email", said["email"]])) all["email_verified"] = asked["email_verified"];
  return all;
}

export function createProvider(core: Core, config: OidcConfig): Provider {
  const calls = createGuardedFetch(core, config.egressAllow);
  const insecure = config.issuer.startsWith("http:");
  let found: { configure: Promise<() => oidc.Configuration>; until: number } | undefined;

  async function discover(): Promise<() => oidc.Configuration> {
    const metadata = { [oidc.clockTolerance]: CLOCK_TOLERANCE_S };
    const options = { [oidc.customFetch]: calls.fetch as oidc.CustomFetch, timeout: TIMEOUT_S };
    // http is for addresses inside HOOKLINE_OIDC_EGRESS_ALLOW, which the guard sees to.
    const execute = insecure ? [oidc.allowInsecureRequests] : [];
    const first = await oidc.discovery(new URL(config.issuer), config.clientId, metadata, oidc.ClientSecretBasic(config.clientSecret), {
      ...options,
      execute,
    });
    const server = first.serverMetadata();
    const ways = server.token_endpoint_auth_methods_supported;
    const post = ways !== undefined && !ways.includes("client_secret_basic") && ways.includes("client_secret_post");
    const way = post ? oidc.ClientSecretPost : oidc.ClientSecretBasic;
    return () => {
      const configuration = new oidc.Configuration(server, config.clientId, metadata, way(config.clientSecret));
      configuration[oidc.customFetch] = options[oidc.customFetch];
      configuration.timeout = TIMEOUT_S;
      if (insecure) oidc.allowInsecureRequests(configuration);
      oidc.enableNonRepudiationChecks(configuration);
      return configuration;
    };
  }

  /** Of one sign-in: openid-client keeps the provider's keys for minutes in it, and would refuse what a new key signs, or take a withdrawn one. */
  async function configuration(): Promise<oidc.Configuration> {
    const now = core.clock.monotonic();
    if (!found || found.until <= now) {
      const asked = { configure: discover(), until: now + FOUND_MS };
      asked.configure.catch(() => (asked.until = core.clock.monotonic() + FAILED_MS));
      found = asked;
    }
    return (await found.configure)();
  }

  return {
    async begin(redirectUri, next) {
      const attempt = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier(), next };
      const url = oidc.buildAuthorizationUrl(await configuration(), {
        ...{ redirect_uri: redirectUri, scope: config.scope, state: attempt.state, nonce: attempt.nonce },
        ...{ code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier), code_challenge_method: "S256" },
      });
      return { url, attempt };
    },
    async finish(returned, attempt) {
      const known = await configuration();
      const tokens = await oidc.authorizationCodeGrant(known, returned, {
        ...{ pkceCodeVerifier: attempt.verifier, expectedState: attempt.state, expectedNonce: attempt.nonce, idTokenExpected: true },
      });
      const said = tokens.claims() as Claims;
      // Many providers say the rest at their userinfo endpoint only.
      if (!known.serverMetadata().userinfo_endpoint) return said;
      return together(said, await oidc.fetchUserInfo(known, tokens.access_token, said.sub));
    },
    close: () => calls.close(),
  };
}
