/**
 * A portal's session sees one application and nothing else. Three steps, for every field that there is or will be:
 *   a document that selects a field which is not listed here is refused before anything runs;
 *   an id in an argument must name something of that application (portal-rows.ts), else it is unknown;
 *   a row that is come across, whatever leads to it, must be that application's, else its fields are refused.
 */
import {
  type DocumentNode,
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { withoutVariables } from "../../delivery/egress.ts";
import { ForbiddenError, NotFoundError } from "../../errors.ts";
import type { Context } from "./context.ts";
import { isNoun, isSeen, isSeenId } from "./portal-rows.ts";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Fields of types that hold more than an application's own. */
const FIELDS: Record<string, readonly string[]> = {
  Query: words(
    "application eventTypes lanes liveCursor node nodes viewer webhookDefinition webhookDefinitions webhookRequest webhookRequests event",
  ),
  Mutation: words(`createWebhookDefinition updateWebhookDefinition deleteWebhookDefinition activateWebhookDefinitions stopWebhookDefinitions
    testWebhookDefinition rotateSigningSecret retryWebhookRequestNow skipWebhookRequest resendWebhookRequest signOut`),
  Subscription: words("webhookRequestUpdated webhookDefinitionUpdated"),
  Viewer: words("role scopes delivering deliveriesPausedAt application"),
  Application: words("id uid name createdAt webhookDefinitions"),
  Attempt:
    words(`id number startedAt durationMs outcome statusCode errorCode errorDescription replyLine manual rerendered warning requestUrl requestHeaders
    requestBody responseHeaders responseBody responseTruncated`),
  Event: words(
    "id type entity entityId payload previous changes scope actor source application traceparent tracestate occurredAt createdAt",
  ),
  EventType: words("id name description schema examples createdAt"),
  Lane: words("id webhookDefinition state key head pendingCount reason until since lastNumber settledNumber"),
  WebhookDefinition:
    words(`id number code name description dialect state stateReason eventTypes filter targetType targetUrl headers publicHeaders
    properties publicProperties warning ordering concurrency onExhausted retrySchedule maxConsecutiveErrors timeoutMs policy signatureVersions
    signingPublicKey signingSecretLastFour fieldsSet hmacAlgorithm hmacEncoding transformation payloadQuery errorsEmail application totalCalls
    totalErrors consecutiveErrors lastError lastAttemptAt createdAt updatedAt stoppedAt deletedAt`),
  WebhookRequest:
    words(`id number state lifeCycleState webhookDefinition event eventType entity entityId lane laneNumber dialect url fieldsSet
    isTest attemptCount attempts nextAttemptAt errorCode errorDescription request response authenticationCode notificationMessage
    notificationStatus createdAt settledAt`),
  WebhookDefinitionList: words("webhookDefinitions"),
};

/** Types that only hold what is listed above: pages, results, errors. */
const HOLDERS = new Set([
  ...words("PageInfo Policy WebhookRequestUpdate CreatedWebhookDefinition RotatedSigningSecret SignedOut Node Error ValidationIssue"),
  ...words(
    "ValidationError NotFoundError ConflictError ForbiddenError UnauthenticatedError RateLimitedError TooLargeError UnavailableError",
  ),
  ...["Attempt", "EventType", "Lane", "WebhookDefinition", "WebhookRequest"].flatMap((name) => [`${name}Connection`, `${name}Edge`]),
]);

const isListed = (type: string, field: string): boolean =>
  type.startsWith("__") || field.startsWith("__") || HOLDERS.has(type) || (FIELDS[type]?.includes(field) ?? false);

/** By document: what a portal's session may not ask for there, or null. */
const judged = new WeakMap<DocumentNode, string | null>();

function unlisted(schema: GraphQLSchema, document: DocumentNode): string | null {
  const before = judged.get(document);
  if (before !== undefined) return before;
  let found: string | null = null;
  const info = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(info, {
      Field(node) {
        const type = info.getParentType()?.name;
        if (found === null && (type === undefined || !isListed(type, node.name.value))) found = `${type}.${node.name.value}`;
      },
    }),
  );
  judged.set(document, found);
  return found;
}

/** @throws ForbiddenError */
function demandListed(schema: GraphQLSchema, document: DocumentNode, context: Context): void {
  if (!context.caller?.portal) return;
  const name = unlisted(schema, document);
  if (name !== null) throw new ForbiddenError(`a portal's session may not ask for ${name}`);
}

/** Before execution: no data. */
export function portalGate(mask: (error: unknown) => Error): Plugin<Context> {
  const judge = ({ args, setResultAndStopExecution }: { args: unknown; setResultAndStopExecution(result: never): void }) => {
    const { schema, document, contextValue } = args as { schema: GraphQLSchema; document: DocumentNode; contextValue: Context };
    try {
      demandListed(schema, document, contextValue);
    } catch (error) {
      setResultAndStopExecution({ errors: [mask(error)] } as never);
    }
  };
  return { onExecute: judge as never, onSubscribe: judge as never };
}

/** The global ids among the arguments, by the type of their place: a text that looks like one is a text. */
function idsIn(type: GraphQLInputType, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (isNonNullType(type)) return idsIn(type.ofType, value);
  if (isListType(type)) return (Array.isArray(value) ? value : [value]).flatMap((each) => idsIn(type.ofType, each));
  if (isInputObjectType(type))
    return Object.values(type.getFields()).flatMap((field) => idsIn(field.type, (value as Record<string, unknown>)[field.name]));
  return type.name === "ID" ? [String(value)] : [];
}

type Field = GraphQLField<unknown, Context>;

/** The first id among the arguments that is somebody else's, or nobody's. */
async function unseenId(field: Field, args: Record<string, unknown>, context: Context): Promise<NotFoundError | undefined> {
  for (const argument of field.args)
    for (const id of idsIn(argument.type, args[argument.name]))
      if (!(await isSeenId(context, id))) return new NotFoundError(id.slice(0, 60));
  return undefined;
}

type Resolve = NonNullable<Field["resolve"]>;

/** Of many ids each is judged by itself, and what is not seen is null in its place. */
const nodesOf = (resolve: Resolve): Resolve =>
  async function nodes(root, args, context, info) {
    const ids = (args as { ids: unknown[] }).ids.map(String);
    const seen = await Promise.all(ids.map((id) => isSeenId(context, id)));
    const found = (await resolve(root, { ...args, ids: ids.filter((_, i) => seen[i]) }, context, info)) as unknown[];
    return seen.map((is) => (is ? found.shift() : null));
  };

/** What is not seen is not there: null of one noun; a list that is narrowed by it is refused. */
function queryOf(field: Field, resolve: Resolve): Resolve {
  const type = getNamedType(field.type).name;
  const single = !isListType(getNullableType(field.type)) && (isNoun(type) || type === "Node");
  return async (root, args, context, info) => {
    const unseen = await unseenId(field, args, context);
    if (unseen && single) return null;
    if (unseen) throw unseen;
    const value: unknown = await resolve(root, args, context, info);
    return single && isNoun(type) && value != null && !(await isSeen(context, type, value)) ? null : value;
  };
}

/** The refusal is a member of the mutation's union, as of an id that nobody has. */
const mutationOf =
  (field: Field, resolve: Resolve): Resolve =>
  async (root, args, context, info) => {
    const refused = await unseenId(field, args, context);
    return resolve(root, args, refused ? Object.assign(Object.create(context) as Context, { refused }) : context, info);
  };

function guardRoot(kind: "query" | "mutation" | "subscription", field: Field): void {
  const { resolve, subscribe } = field;
  if (kind === "subscription") {
    // What it sends are rows, which are judged one by one; the arguments are looked at when it begins.
    if (subscribe)
      field.subscribe = async (root, args, context, info) => {
        const unseen = context.caller?.portal && (await unseenId(field, args, context));
        if (unseen) throw unseen;
        return subscribe(root, args, context, info);
      };
    return;
  }
  if (!resolve) return;
  const guarded = kind === "mutation" ? mutationOf(field, resolve) : field.name === "nodes" ? nodesOf(resolve) : queryOf(field, resolve);
  field.resolve = (root, args, context, info) => (context.caller?.portal ? guarded : resolve)(root, args, context, info);
}

/** Texts for people, which may speak of what only the operator can set. */
const SAID = new Set(words("message errorDescription lastError stateReason"));

function guardText(field: Field): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (row, args, context, info) => {
    const said: unknown = resolve(row, args, context, info);
    if (!context.caller?.portal) return said;
    return Promise.resolve(said).then((text) => (typeof text === "string" ? withoutVariables(text) : text));
  };
}

function guardRow(type: string, field: Field): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = (row, args, context, info) => {
    if (!context.caller?.portal) return resolve(row, args, context, info);
    return isSeen(context, type, row).then((seen) => {
      if (!seen) throw new ForbiddenError("this is not the portal's application's");
      return resolve(row, args, context, info);
    });
  };
}

/** Every field that a portal's session may ask for is guarded from now on. */
export function guardPortal(schema: GraphQLSchema): GraphQLSchema {
  const kinds = new Map([
    [schema.getQueryType(), "query" as const],
    [schema.getMutationType(), "mutation" as const],
    [schema.getSubscriptionType(), "subscription" as const],
  ]);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    const kind = kinds.get(type);
    for (const field of Object.values(type.getFields())) {
      if (!isListed(type.name, field.name)) continue;
      if (SAID.has(field.name)) guardText(field);
      if (kind) guardRoot(kind, field);
      else if (isNoun(type.name)) guardRow(type.name, field);
    }
  }
  return schema;
}
