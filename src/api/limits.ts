/** How much the doors take. Bytes, milliseconds and counts; SECURITY.md has the reasons. */
import { MOST_ANSWERED } from "../requests/budget.ts";

export const HTTP = {
  /** A socket without a complete head is closed after this. */
  headMs: 10_000,
  /** A request whose body is not complete after this is answered 408. */
  requestMs: 30_000,
  keepAliveMs: 75_000,
  /** A reply that its reader takes nothing of for so long is given up. */
  writeMs: 30_000,
  /** Of one reply. */
  answerBytes: MOST_ANSWERED,
  /** A body that was refused is read on and forgotten so far, so that its sender is still there for the answer. */
  dropBytes: 64 * 2 ** 20,
  dropMs: 10_000,
  headBytes: 16 * 1024,
  /** Unless a route says otherwise. */
  bodyBytes: 2 ** 20,
  /** Of a password and a name, for somebody who is nobody yet. */
  signInBytes: 16 * 1024,
} as const;

/** Lists as files, on one process. */
export const EXPORTS = {
  /** Of one organization. */
  atOnce: 4,
  retrySeconds: 10,
} as const;

/** Of a body's JSON, judged before it is parsed: each would take tens of milliseconds, during which nobody else is served. */
export const JSON_BODY = {
  /** Of one object. */
  members: 10_000,
  /** In all. */
  values: 300_000,
} as const;

/** The same of an operation's body, URL or message. POST /v1/events takes more values. */
export const GRAPHQL_JSON = {
  /** Values are judged one by one later, with their place in the input. */
  depth: 150_000,
  members: JSON_BODY.members,
  /** Each is walked several times, by parsing, cost and coercion. */
  values: 100_000,
} as const;

export const GRAPHQL = {
  bodyBytes: 2 ** 20,
  depth: 15,
  introspectionDepth: 20,
  /** Parts of introspection: a type is one, all of them are twenty (graphql/limits.ts). */
  introspected: 30,
  aliases: 50,
  rootFields: 50,
  mutations: 5,
  tokens: 2000,
  /** Brackets of any kind below each other. */
  nesting: 100,
  anonymousJsonDepth: 20,
  /** Characters of a document without a token: signIn needs no more. */
  anonymousCharacters: 4 * 1024,
  /** Bytes of a body without a token that are looked into at all. */
  anonymousBytes: 16 * 1024,
  directives: 100,
  /** Of all its fields: one per node that a page can hold, and these. */
  cost: 10_000,
  /** A field that may be a body. */
  bodyCost: 20,
  /** One that may be a filter, or headers. */
  settingCost: 5,
  /** One whose rows are counted. */
  countCost: 500,
  pageSize: 100,
  /** Nodes of a list without pages, as far as its cost is concerned. */
  listSize: 10,
} as const;

export const LIVE = {
  messageBytes: 2 ** 20,
  /** A message before the acknowledgement: it holds a token, and nobody pays for parsing it yet. */
  initMessageBytes: 32 * 2 ** 10,
  subscriptionsPerConnection: 100,
  /** Per process. */
  subscriptionsPerOrganization: 5_000,
  connectionsPerOrganization: 2_000,
  initTimeoutMs: 3_000,
  pingMs: 15_000,
  /** A consumer that takes nothing for so long is closed. */
  stallMs: 30_000,
  /** … or that leaves so many bytes waiting. */
  waitingBytes: 4 * 2 ** 20,
  /** How often open sockets and streams look whether their rights are still what they were, beside being told. */
  credentialCheckMs: 750,
} as const;

export const EVENTS = {
  bodyBytes: 5 * 2 ** 20,
  perCall: 1000,
  /** Of a payload, and of what was before. */
  payloadBytes: 2 ** 20,
} as const;
