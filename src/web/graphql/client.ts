/** The one GraphQL client: queries and mutations over HTTP with the session cookie, live things over live.ts. */
import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { belongTo } from "./socket.ts";

export interface Door {
  url: string;
  /** The second half of the XSRF pair: the cookie that scripts may read goes back as a header. */
  xsrfCookie: string;
}
const OURS: Door = { url: "/graphql", xsrfCookie: "XSRF-TOKEN" };
export const PORTAL: Door = { url: "/portal/graphql", xsrfCookie: "PORTAL-XSRF-TOKEN" };

export function xsrfToken({ xsrfCookie }: Door = OURS): string {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${xsrfCookie}=`));
  return decodeURIComponent(found?.slice(xsrfCookie.length + 1) ?? "");
}

/** @param signedOut called when the server says that there is no session (any more) */
export function createClient(signedOut: () => void, door: Door = OURS): Client {
  if (door === OURS) belongTo(signedOut);
  return new Client({
    url: door.url,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: () => ({ credentials: "same-origin", headers: { "x-xsrf-token": xsrfToken(door) } }),
    exchanges: [
      mapExchange({
        onResult(result) {
          const unauthenticated =
            result.error?.response?.status === 401 ||
            result.error?.graphQLErrors.some((error) => error.extensions["code"] === "UNAUTHENTICATED");
          if (unauthenticated) signedOut();
        },
      }),
      cacheExchange,
      fetchExchange,
    ],
  });
}

/** What went wrong, for people. */
export function explain(error: { networkError?: Error | undefined; graphQLErrors: { message: string }[]; message: string }): string {
  if (error.graphQLErrors.length > 0) return error.graphQLErrors.map((each) => each.message).join("; ");
  return error.networkError ? "The server cannot be reached. It is asked again when you retry." : error.message;
}
