/** A real OpenID provider (oidc-provider) in this process, whose users are signed in without a form. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";

export interface Account {
  sub: string;
  [claim: string]: unknown;
}

export interface RealProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who is signed in at the provider, from now on. */
  is(account: Account): void;
  /** Only now is it known where the client is. */
  open(redirectUri: string): void;
  close(): Promise<void>;
}

export async function startProvider(): Promise<RealProvider> {
  let provider: Provider | undefined;
  let account: Account = { sub: "nobody" };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [clientId, clientSecret] = ["hookline", "a secret of the client's own"];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!provider) return void response.writeHead(503).end();
    if (!request.url?.startsWith("/interaction/")) return void provider.callback()(request, response);
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: account.sub, clientId: String(params["client_id"]) });
    grant.addOIDCScope(String(params["scope"]));
    const result = { login: { accountId: account.sub, remember: false }, consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  return {
    ...{ issuer, clientId, clientSecret },
    is: (next) => {
      account = next;
    },
    open(redirectUri) {
      const configuration: Configuration = {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
        cookies: { keys: ["any"] },
        features: { devInteractions: { enabled: false } },
        interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], roles: ["roles", "realm_access"] },
        scopes: ["openid", "email", "profile", "roles"],
        findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ ...account, sub }) }),
      };
      provider = new Provider(issuer, configuration);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
