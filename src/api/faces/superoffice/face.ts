/**
 * SuperOffice's Webhook REST API and its RPC twins, over the same domain functions as GraphQL.
 * What is original and what is ours: README.md in the folder above.
 */
import type { Caller } from "../../../accounts/caller.ts";
import { maskUrl } from "../../../wire/mask.ts";
import { inAnyCase } from "../any-case.ts";
import { defineFace } from "../face.ts";
import { callerOf } from "./auth.ts";
import { superofficeForm, words } from "./errors.ts";
import { restRoutes } from "./rest.ts";
import { rpcRoutes } from "./rpc.ts";

/** S2: the vendor's NsApiSlow threshold. */
const SLOW_MS = 2_000;
const routes = [...restRoutes, ...rpcRoutes];

export const superoffice = defineFace<Caller>({
  name: "superoffice",
  prefixes: ["/api/v1"],
  errorForm: superofficeForm,
  words,
  authenticate: ({ core, request }) => callerOf(core, request),
  routes: () => routes,
  unknownPath: (url) => `there is no ${maskUrl(url)}`,
  wrongMethod: (allow) => ({ allow, message: "this path does not take that method" }),
  rewrite: inAnyCase(
    "/api/v1",
    routes.map(({ path }) => path),
  ),
  setUp: (app, { core }) =>
    void app.addHook("onResponse", async ({ method, url }, reply) => {
      const milliseconds = Math.round(reply.elapsedTime);
      if (milliseconds > SLOW_MS) core.log.warn(`NsApiSlow ${method} ${maskUrl(url)} ${milliseconds} ms`);
    }),
});
