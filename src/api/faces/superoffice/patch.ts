/**
 * PATCH: a merge patch (RFC 7396) as an object, a JSON Patch (RFC 6902 without move and copy) as an array. Both change a
 * copy of the webhook as its caller sees it; nothing is stored unless all of it holds.
 */
import { applyPatch, type Operation, Pointer } from "rfc6902";
import { comparable, exactKey, isExactNumber } from "../../../wire/decimal.ts";
import { isRawNumber, parseJson, unveil, veil } from "../../../wire/json-exact.ts";
import { member } from "./body.ts";
import { FaceError } from "./errors.ts";

type Json = Record<string, unknown>;

/** Not to be set, but no mistake either. */
const PATCHABLE = [
  ...["WebhookId", "Name", "Events", "TargetUrl", "Secret", "State", "Type", "Headers", "Properties", "ErrorsEmail", "Description"],
  ...["Registered", "RegisteredAssociate", "Updated", "UpdatedAssociate", "_Links"],
];
const OPERATIONS = new Set(["add", "replace", "remove", "test"]);

/** @throws FaceError 400, 409 when a `test` does not hold */
export function patched(webhook: object, patch: unknown): Json {
  // Through its text, so that raw numbers stay what they are; the library copies what it is given, so that it gets them veiled.
  const text = JSON.stringify(webhook);
  if (Array.isArray(patch)) return unveil(jsonPatch(JSON.parse(veil(text)) as Json, patch)) as Json;
  if (typeof patch !== "object" || patch === null || isRawNumber(patch))
    throw new FaceError(400, "the body must be a JSON Patch array or a merge patch object");
  return mergePatch(parseJson(text) as Json, patch as Json);
}

/** The fields in which they differ. */
export function changedFields(before: object, after: object): ReadonlySet<string> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const text = (webhook: object, name: string) => JSON.stringify((webhook as Json)[name] ?? null);
  return new Set([...names].filter((name) => text(before, name) !== text(after, name)));
}

function mergePatch(webhook: Json, patch: Json): Json {
  for (const name of PATCHABLE) {
    const change = member(patch, name);
    if (change === undefined) continue;
    if (name === "Events") webhook[name] = mergeEvents(webhook[name] as string[], change);
    else webhook[name] = merged(webhook[name], change);
  }
  return webhook;
}

/** One name, or an object of names, is added to the array; an array replaces it. */
function mergeEvents(events: readonly string[], change: unknown): unknown {
  if (change === null) return [];
  if (typeof change === "string") return [...events, change];
  return typeof change === "object" && !Array.isArray(change) && !isRawNumber(change) ? [...events, ...Object.values(change)] : change;
}

function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch) || isRawNumber(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) && !isRawNumber(target) ? (target as Json) : {};
  const result = new Map(Object.entries(base));
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) result.delete(key);
    else result.set(key, merged(result.get(key), change));
  }
  return Object.fromEntries(result);
}

/** Each walks the document once, and looks for a name among those of one object. */
const MOST_OPERATIONS = 200;
const MOST_NAMES = 1_000;

function jsonPatch(webhook: Json, operations: readonly unknown[]): Json {
  if (operations.length > MOST_OPERATIONS) throw new FaceError(400, `a patch may have ${MOST_OPERATIONS} operations`);
  for (const [index, given] of operations.entries()) {
    const operation = readOperation(given, index);
    const path = pathIn(webhook, operation, index);
    if (operation.op === "test") {
      if (same(bared(Pointer.fromJSON(path).get(webhook)), operation.value)) continue;
      throw new FaceError(409, `operation ${index}: the test of ${operation.path} does not hold`);
    }
    const [failure] = applyPatch(webhook, [{ ...operation, path, value: veiled(operation.value) } as Operation]);
    if (failure) throw new FaceError(400, `operation ${index}: ${operation.op} ${operation.path} is not possible: ${failure.message}`);
    if (webhook["Events"] === undefined) webhook["Events"] = [];
  }
  return webhook;
}

const veiled = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(veil(JSON.stringify(value))));
const bared = (value: unknown): unknown => (value === undefined ? undefined : unveil(structuredClone(value)));

/** As values: `1.0` is 1, however it is written. */
function same(given: unknown, other: unknown): boolean {
  const [a, b] = [comparable(given), comparable(other)];
  if (isExactNumber(a) || isExactNumber(b)) return isExactNumber(a) && isExactNumber(b) && exactKey(a) === exactKey(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && same((a as Json)[key], (b as Json)[key]));
}

function readOperation(given: unknown, index: number): { op: string; path: string; value?: unknown } {
  const operation = (typeof given === "object" && given !== null ? given : {}) as Json;
  const named = member(operation, "op");
  const op = typeof named === "string" ? named.toLowerCase() : "";
  const path = member(operation, "path");
  if (!OPERATIONS.has(op)) throw new FaceError(400, `operation ${index}: op must be add, replace, remove or test`);
  if (typeof path !== "string") throw new FaceError(400, `operation ${index}: path must be text`);
  const value = member(operation, "value");
  if (value === undefined && op !== "remove") throw new FaceError(400, `operation ${index}: ${op} needs a value`);
  return op === "remove" ? { op, path } : { op, path, value };
}

/** Members that only a built-in object has. */
const BUILT_IN = new Set(["__proto__", "constructor", "prototype"]);
const INDEX = /^(?:0|[1-9]\d{0,8})$/;

/**
 * The path with the document's own case, and with its leading slash. It leads through the document's own members and items alone: a
 * pointer by itself would follow what every object inherits, and write into the process's own functions.
 */
function pathIn(webhook: Json, { op, path }: { op: string; path: string }, index: number): string {
  const none = () => new FaceError(400, `operation ${index}: there is no ${path}`);
  const [first = "", ...rest] = path.replace(/^\//, "").split("/");
  const name = PATCHABLE.find((candidate) => candidate.toLowerCase() === first.toLowerCase());
  if (name === undefined) throw none();
  if (rest.length > 0 && (name === "Headers" || name === "Properties")) webhook[name] ??= {};
  let node: unknown = webhook[name];
  const segments = rest.map((segment, at) => {
    const key = segment.replaceAll("~1", "/").replaceAll("~0", "~");
    const isNew = op === "add" && at === rest.length - 1;
    if (typeof node !== "object" || node === null || BUILT_IN.has(key)) throw none();
    if (Array.isArray(node)) {
      if (!(isNew && (key === "-" || key === String(node.length))) && !(INDEX.test(key) && Number(key) < node.length)) throw none();
      node = node[Number(key)];
      return key;
    }
    const known = Object.keys(node);
    if (known.length > MOST_NAMES) throw new FaceError(400, `operation ${index}: a patch may go into objects of ${MOST_NAMES} members`);
    const actual = known.includes(key) ? key : known.find((each) => each.toLowerCase() === key.toLowerCase());
    if (actual === undefined && !isNew) throw none();
    node = actual === undefined ? undefined : (node as Json)[actual];
    return (actual ?? key).replaceAll("~", "~0").replaceAll("/", "~1");
  });
  return `/${[name, ...segments].join("/")}`;
}
