/**
 * The types that refer to each other across nouns. Each is implemented in its own noun's file (`builder.prismaNode` or
 * `builder.node`); here they only have a name and a row, so that those files need not import each other in a circle.
 */
import type { ObjectRef } from "@pothos/core";
import { getRefFromModel } from "@pothos/plugin-prisma";
import type { Application as ApplicationRow, WorkflowRule as RuleRow } from "../../db/generated/prisma/client.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import type { LaneRow } from "../../requests/lanes.ts";
import type { RequestNode } from "../../requests/related.ts";
import { builder } from "./builder.ts";
import { connectionType } from "./page.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The type that `builder.prismaNode(model, …)` implements. */
const ofModel = <Row>(model: "Application" | "WebhookDefinition" | "WorkflowRule") =>
  getRefFromModel(model, builder) as unknown as ObjectRef<BuilderTypes, Row, Row>;

/** applications.ts */
export const Application = ofModel<ApplicationRow>("Application");
/** definitions.ts */
export const WebhookDefinition = ofModel<DefinitionRow>("WebhookDefinition");
/** rules.ts */
export const WorkflowRule = ofModel<RuleRow>("WorkflowRule");
/** requests.ts; a row for it comes from `showRequest(core.db, organizationId, { id })` in requests/show.ts */
export const WebhookRequest = builder.objectRef<RequestNode>("WebhookRequest");
export const WebhookRequestConnection = connectionType("WebhookRequest", WebhookRequest);
/** lanes.ts */
export const Lane = builder.objectRef<LaneRow>("Lane");
