/** The one GraphQL client: queries and mutations over HTTP with the session cookie, live things over live.ts. */
import { Client, cacheExchange, fetchExchange, mapExchange } from "urql";
import { closeSocket } from "./socket.ts";
import { belongTo, type Door, OtherSessionError, OURS, over, tabFetch } from "./tab.ts";

/** @param signedOut called when the server says that there is no session (any more), and nothing unsaved is lost by leaving */
export function createClient(signedOut: () => void, door: Door = OURS): Client {
  closeSocket();
  belongTo(door, signedOut);
  return new Client({
    url: door.url,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetch: tabFetch,
    exchanges: [
      mapExchange({
        onResult(result) {
          // A session that ended on the way: the status of what was begun before is 200. tabFetch has seen a 401.
          const ended = result.error?.graphQLErrors.some((error) => error.extensions["code"] === "UNAUTHENTICATED");
          if (ended && result.error?.response?.status !== 401) over();
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
  if (error.networkError instanceof OtherSessionError) return error.networkError.message;
  return error.networkError ? "The server cannot be reached. It is asked again when you retry." : error.message;
}
