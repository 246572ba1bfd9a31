/**
 * Which definitions get an event. Pure: built once per version of an organization's catalogue, asked for every event.
 *
 * Order of the matches, and so of the requests' numbers: first what workflow rules trigger (rules HIGH, MEDIUM, LOW,
 * then oldest first; inside a rule in the order in which it names its definitions), then what matches by its own event
 * types, by definition number. A definition is matched once, by the first of these.
 */
import type { DialectName } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import { parseValues } from "../wire/json-exact.ts";
import { bare, compileFilter, type FilterDocument, type Predicate } from "./predicate.ts";

const EVENT_TYPE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export function isEventType(name: string): boolean {
  return EVENT_TYPE.test(name);
}

const OWN_EVENT = /^(?:webhook\d+\.(?:started|stopped|errors)|goal\.value_recorded)$/;

/** What Hookline tells of itself (src/alerts): nobody else emits it, and only patterns that begin so take it. */
export const OPERATIONAL = "hookline.";

/** Why no door takes an event of this type: nobody passes for Hookline. Undefined: it may. */
export function reservedType(type: string): string | undefined {
  return type.startsWith(OPERATIONAL) ? `types that begin with ${OPERATIONAL} are Hookline's own; choose another name` : undefined;
}

/** Events that the platform itself emits: no catalogue of event types has to name them. */
export function isOwnEvent(name: string): boolean {
  return OWN_EVENT.test(name) || name.startsWith(OPERATIONAL);
}

/** What is wrong with a pattern of `eventTypes`; undefined: nothing. */
export function checkEventTypePattern(pattern: string): string | undefined {
  const base = pattern.endsWith(".*") ? pattern.slice(0, -2) : pattern;
  if (pattern === "*" || isEventType(base)) return undefined;
  return 'must be an event type such as order.created, a family such as order.*, or * for all (letters, digits, _ . -; at most 128; "*" only at the end)';
}

/** An event as far as matching needs it. */
export interface MatchEvent {
  type: string;
  entity: string | null;
  entityId: string | null;
  /** JSON text. */
  payload: string;
  scope: Readonly<Record<string, unknown>> | null;
  actor: string | null;
  changes: readonly string[];
  /** Whose event it is: it goes to that application's definitions and to those without one; null: to the latter alone. */
  applicationId: string | null;
}

export interface MatchDefinition {
  id: string;
  number: number;
  /** Null: the organization's own. */
  applicationId: string | null;
  dialect: DialectName;
  active: boolean;
  eventTypes: readonly string[];
  filter: unknown;
  /** doForms: who is notified through this definition; empty: matched like any other. */
  webServices: readonly MatchWebService[];
}

export interface MatchWebService {
  form: string;
  project: string;
  /** added, edited, deleted, status */
  events: readonly string[];
}

export interface MatchRule {
  id: string;
  entity: string;
  active: boolean;
  priority: "LOW" | "MEDIUM" | "HIGH";
  /** Orders rules of one priority; ties by id. */
  createdAt: Date;
  condition: unknown;
  /** In the rule's order. */
  definitionIds: readonly string[];
}

export interface Match {
  definitionId: string;
  /** The first rule that matched; null: matched by its own event types. */
  workflowRuleId: string | null;
}

export interface Matcher {
  match(event: MatchEvent): Match[];
  /** The same, with a pause behind each filter that was asked: thousands of them may each take milliseconds. */
  walk(event: MatchEvent): Generator<void, Match[], void>;
}

/** doForms: the record events a web service can choose, as our event types. */
export const RECORD_EVENTS: Readonly<Record<string, string>> = {
  "record.created": "added",
  "record.updated": "edited",
  "record.deleted": "deleted",
  "record.status_changed": "status",
};

type Test = (event: MatchEvent, document: () => FilterDocument) => boolean;

/** Whose filter an event cost more steps than it may take (predicate.ts); the event did not match it. */
export interface Exhausted {
  kind: "definition" | "rule";
  id: string;
}

/**
 * Indexed by exact type and by family, so that definitions which an event does not concern cost it nothing.
 * @param onExhausted told of each event that was too much for a filter, so that it can be said where the filter is seen
 */
export function compileCatalog(
  definitions: readonly MatchDefinition[],
  rules: readonly MatchRule[],
  onExhausted: (filter: Exhausted) => void = () => undefined,
): Matcher {
  const active = new Map(definitions.filter((d) => d.active).map((d) => [d.id, d]));
  // An index for each application, so that its customers' number costs an event nothing.
  const types = new Map<string | null, TypeIndex>([[null, new TypeIndex()]]);
  const tests = new Map<string, Test>();
  for (const definition of active.values()) {
    const { applicationId } = definition;
    const index = types.get(applicationId) ?? new TypeIndex();
    types.set(applicationId, index);
    for (const pattern of definition.eventTypes) index.add(pattern, definition);
    tests.set(definition.id, ownTest(definition, onExhausted));
  }
  const rulesOf = indexRules(rules, active, onExhausted);
  const matcher: Matcher = {
    match(event) {
      const walk = matcher.walk(event);
      for (;;) {
        const step = walk.next();
        if (step.done) return step.value;
      }
    },
    *walk(event) {
      const document = once(() => documentOf(event));
      const customer = customerOf(event);
      const goesTo = (id: string): boolean => [null, customer].includes(active.get(id)?.applicationId ?? null);
      const found = new Map<string, Match>();
      const rulesApply = !event.type.startsWith(OPERATIONAL);
      for (const rule of (rulesApply && rulesOf.get(event.entity ?? "")) || []) {
        yield;
        if (!rule.test(event, document)) continue;
        for (const id of rule.definitionIds) if (!found.has(id) && goesTo(id)) found.set(id, { definitionId: id, workflowRuleId: rule.id });
      }
      for (const { id, filter } of candidatesOf(types, event.type, customer)) {
        if (filter !== null) yield;
        if (!found.has(id) && tests.get(id)?.(event, document)) found.set(id, { definitionId: id, workflowRuleId: null });
      }
      return [...found.values()];
    },
  };
  return matcher;
}

/** What Hookline tells of itself is never an application's. */
const customerOf = ({ type, applicationId }: MatchEvent): string | null => (type.startsWith(OPERATIONAL) ? null : applicationId);

/** Each definition once, by number: the organization's own, and the application's. */
function candidatesOf(types: ReadonlyMap<string | null, TypeIndex>, type: string, customer: string | null): MatchDefinition[] {
  const found = types.get(null)?.candidates(type) ?? [];
  if (customer !== null) found.push(...(types.get(customer)?.candidates(type) ?? []));
  return found.sort((a, b) => a.number - b.number);
}

class TypeIndex {
  readonly #exact = new Map<string, MatchDefinition[]>();
  readonly #families = new Map<string, MatchDefinition[]>();
  readonly #folded = new Map<string, MatchDefinition[]>();
  readonly #all: MatchDefinition[] = [];

  add(pattern: string, definition: MatchDefinition): void {
    // No event's name holds a star: where `*` and `a.*` are names, they match nothing.
    if (dialects[definition.dialect].eventTypes === "NAMES") push(this.#folded, pattern.toLowerCase(), definition);
    else if (pattern === "*") this.#all.push(definition);
    else if (pattern.endsWith(".*")) push(this.#families, pattern.slice(0, -2), definition);
    else push(this.#exact, pattern, definition);
  }

  /** Each definition once. */
  candidates(type: string): MatchDefinition[] {
    const all = type.startsWith(OPERATIONAL) ? [] : this.#all;
    const found = new Set([...all, ...(this.#exact.get(type) ?? []), ...(this.#folded.get(type.toLowerCase()) ?? [])]);
    // `a.b.c` belongs to the families `a` and `a.b`; `a.` to none: nothing stands behind its dot.
    for (let dot = type.indexOf("."); dot > 0 && dot < type.length - 1; dot = type.indexOf(".", dot + 1)) {
      for (const definition of this.#families.get(type.slice(0, dot)) ?? []) found.add(definition);
    }
    return [...found];
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function ownTest(definition: MatchDefinition, onExhausted: (filter: Exhausted) => void): Test {
  const filter = filterTest(definition.filter, () => onExhausted({ kind: "definition", id: definition.id }));
  if (!dialects[definition.dialect].callsBack || definition.webServices.length === 0) return filter;
  return (event, document) => definition.webServices.some((service) => wants(service, event)) && filter(event, document);
}

function wants(service: MatchWebService, event: MatchEvent): boolean {
  const chosen = RECORD_EVENTS[event.type];
  return (
    chosen !== undefined &&
    service.events.includes(chosen) &&
    event.scope?.["form"] === service.form &&
    event.scope["project"] === service.project
  );
}

function filterTest(filter: unknown, onExhausted: () => void): Test {
  if (filter === null || filter === undefined) return () => true;
  const test = compiled(filter, onExhausted);
  return (_, document) => test(document());
}

/** A stored one that is none must not fail the events of everybody else: it matches nothing, and is told of as one that cost too much. */
function compiled(filter: unknown, onExhausted: () => void): Predicate {
  try {
    return compileFilter(filter, onExhausted);
  } catch {
    return () => {
      onExhausted();
      return false;
    };
  }
}

const RANK = { HIGH: 0, MEDIUM: 1, LOW: 2 };

interface CompiledRule {
  id: string;
  definitionIds: readonly string[];
  test: Test;
}

function indexRules(
  rules: readonly MatchRule[],
  active: ReadonlyMap<string, MatchDefinition>,
  onExhausted: (filter: Exhausted) => void,
): Map<string, CompiledRule[]> {
  const byEntity = new Map<string, CompiledRule[]>();
  const inOrder = rules
    .filter((rule) => rule.active)
    .sort((a, b) => RANK[a.priority] - RANK[b.priority] || a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  for (const rule of inOrder) {
    const definitionIds = rule.definitionIds.filter((id) => active.has(id));
    if (definitionIds.length > 0) {
      const test = filterTest(rule.condition, () => onExhausted({ kind: "rule", id: rule.id }));
      push(byEntity, rule.entity, { id: rule.id, definitionIds, test });
    }
  }
  return byEntity;
}

function documentOf(event: MatchEvent): FilterDocument {
  return {
    payload: bare(parseValues(event.payload)),
    scope: bare(event.scope),
    type: event.type,
    entity: event.entity,
    entityId: event.entityId,
    actor: event.actor,
    changes: event.changes,
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
