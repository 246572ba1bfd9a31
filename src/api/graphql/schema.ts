/** The whole schema: each import adds a noun to the builder. */
import type { GraphQLSchema } from "graphql";
import "./accounts.ts";
import { builder } from "./builder.ts";
import "./goals.ts";
import "./inbound-webhooks.ts";
import "./transformations.ts";

export const schema: GraphQLSchema = builder.toSchema();
