/**
 * What Pothos keeps of an operation, it keeps in WeakMaps by the operation's context, and what it keeps names the context. To V8
 * such a pair is alive in every collection of young objects, with all that hangs on it: the rows of the answer outlived their
 * operation, and those collections took 20 ms each. So the caches are kept by a key that the context lets go of at the end.
 */
import { contextCacheSymbol, initContextCache } from "@pothos/core";
import type { Plugin } from "graphql-yoga";
import type { Context } from "./context.ts";

/** For queries and mutations; a subscription keeps its caches as long as it lives. */
export function contextCaches(): Plugin<Context> {
  return {
    onExecute({ args }) {
      const context = args.contextValue as { [contextCacheSymbol]?: object };
      Object.assign(context, initContextCache());
      return {
        onExecuteDone() {
          delete context[contextCacheSymbol];
        },
      };
    },
  };
}
