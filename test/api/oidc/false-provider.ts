/** An OpenID provider that lies as it is told: it signs whatever ID token a test wants. */
import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Lie {
  /** Over those of a good ID token. */
  claims?: Record<string, unknown>;
  /** Signed with a key that the provider does not publish. */
  foreignKey?: boolean;
  algorithm?: "RS256" | "none";
  /** Other claims are those of the userinfo endpoint. */
  userinfo?: Record<string, unknown>;
  /** What the token endpoint answers instead. */
  token?: { status: number; body: string };
}

export interface FalseProvider {
  issuer: string;
  tell(lie: Lie): void;
  /** The nonce of the sign-in that is under way. */
  nonce: string;
  /** From now on it signs with another key, and publishes that one alone. @param kid what it calls the key */
  rotate(kid: string): void;
  /** How often the token endpoint was asked. */
  readonly asked: number;
  close(): Promise<void>;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function startFalseProvider(clientId: string): Promise<FalseProvider> {
  const newKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
  const foreign = newKey();
  let [own, keyId] = [newKey(), "1"];
  let lie: Lie = {};
  let asked = 0;
  const server = createServer((request, response) => {
    const { issuer } = provider;
    const json = (status: number, body: string) => response.writeHead(status, { "content-type": "application/json" }).end(body);
    const path = request.url?.split("?")[0];
    if (path === "/.well-known/openid-configuration")
      return json(
        200,
        JSON.stringify({
          ...{ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` },
          userinfo_endpoint: `${issuer}/userinfo`,
          ...{ response_types_supported: ["code"], subject_types_supported: ["public"], id_token_signing_alg_values_supported: ["RS256"] },
        }),
      );
    if (path === "/jwks")
      return json(200, JSON.stringify({ keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: keyId, use: "sig", alg: "RS256" }] }));
    if (path === "/userinfo") return json(200, JSON.stringify({ sub: lie.claims?.["sub"] ?? "liar", ...lie.userinfo }));
    if (path !== "/token") return json(404, "{}");
    asked += 1;
    if (lie.token) return json(lie.token.status, lie.token.body);
    const now = Math.floor(Date.now() / 1000);
    const algorithm = lie.algorithm ?? "RS256";
    const claims = {
      ...{ iss: issuer, sub: "liar", aud: clientId, iat: now, exp: now + 300, nonce: provider.nonce },
      ...{ email: "liar@example.test", email_verified: true, roles: ["admin"], ...lie.claims },
    };
    const head = `${encode({ alg: algorithm, kid: keyId })}.${encode(claims)}`;
    const { privateKey } = lie.foreignKey ? foreign : own;
    const signature = algorithm === "none" ? "" : createSign("RSA-SHA256").update(head).sign(privateKey).toString("base64url");
    return json(200, JSON.stringify({ access_token: "at", token_type: "Bearer", expires_in: 300, id_token: `${head}.${signature}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const provider: FalseProvider = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nonce: "",
    tell: (next) => {
      lie = next;
    },
    rotate: (kid) => {
      [own, keyId] = [newKey(), kid];
    },
    get asked() {
      return asked;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return provider;
}
