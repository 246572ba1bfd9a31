/** The whole schema: each import adds a noun to the builder. */
import type { GraphQLSchema } from "graphql";
import "./accounts.ts";
import { builder } from "./builder.ts";
import "./connections.ts";
import "./definition-mutations.ts";
import "./definition-test.ts";
import "./definitions.ts";
import "./deliveries.ts";
import "./event-types.ts";
import "./filter-preview.ts";
import "./goals.ts";
import "./inbound-webhooks.ts";
import "./rules.ts";
import "./scripts.ts";
import "./statistics.ts";
import "./secret-keys.ts";
import "./transformations.ts";
import "./web-services.ts";
import "./attempts.ts";
import "./events.ts";
import "./lanes.ts";
import "./live.ts";
import "./replays.ts";
import "./rejected-requests.ts";
import "./requests.ts";

export const schema: GraphQLSchema = builder.toSchema();
