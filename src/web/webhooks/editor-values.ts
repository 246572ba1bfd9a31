/** What stands in the editor's fields, and how it becomes the API's input. Pure. */
import { blank, parseJson } from "../components/form.ts";
import { fromPairs, toPairs } from "../components/pairs.tsx";
import type { VariablesOf } from "../graphql/tada.ts";
import type { CreateDefinition, Definition, UpdateDefinition } from "./documents.ts";
import type { EditorValues } from "./editor-shape.ts";

/** `Orders, daily` → `orders_daily`. */
export const suggestCode = (name: string): string =>
  name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .split(/[^a-z0-9]/)
    .filter((part) => part !== "")
    .join("_")
    .slice(0, 60);

export function emptyValues(): EditorValues {
  return {
    name: "",
    code: "",
    codeTouched: false,
    description: "",
    dialect: "STANDARD",
    target: "url",
    targetUrl: "",
    connectionId: null,
    scriptId: null,
    eventTypes: [],
    filter: null,
    filterMistake: null,
    ordering: null,
    concurrency: null,
    onExhausted: null,
    retrySchedule: null,
    timeoutMs: null,
    maxConsecutiveErrors: null,
    headers: [],
    headersTouched: false,
    properties: "",
    signatureVersions: ["V1"],
    secretKeyId: null,
    hmacAlgorithm: "SHA256",
    hmacEncoding: "HEX",
    fieldsSet: [],
    transformation: "",
    payloadQuery: "",
    errorsEmail: "",
  };
}

export function valuesOf(definition: Definition): EditorValues {
  return {
    name: definition.name,
    code: definition.code,
    codeTouched: true,
    description: definition.description ?? "",
    dialect: definition.dialect,
    target: definition.targetType === "CRMSCRIPT" ? "script" : definition.connection ? "connection" : "url",
    targetUrl: definition.targetUrl ?? "",
    connectionId: definition.connection?.id ?? null,
    scriptId: definition.script?.id ?? null,
    eventTypes: definition.eventTypes,
    filter: definition.filter ?? null,
    filterMistake: null,
    ordering: definition.ordering,
    concurrency: definition.concurrency,
    onExhausted: definition.onExhausted,
    retrySchedule: definition.retrySchedule?.map(String) ?? null,
    timeoutMs: definition.timeoutMs,
    maxConsecutiveErrors: definition.maxConsecutiveErrors,
    headers: toPairs(definition.headers),
    headersTouched: false,
    properties: definition.properties === null || definition.properties === undefined ? "" : JSON.stringify(definition.properties, null, 2),
    signatureVersions: definition.signatureVersions,
    secretKeyId: definition.secretKey?.id ?? null,
    hmacAlgorithm: definition.hmacAlgorithm,
    hmacEncoding: definition.hmacEncoding,
    fieldsSet: definition.fieldsSet,
    transformation: definition.transformation ?? "",
    payloadQuery: definition.payloadQuery ?? "",
    errorsEmail: definition.errorsEmail ?? "",
  };
}

/** A copy starts as a new webhook: another name and code, and headers that must be typed again where they are masked. */
export function copyOf(definition: Definition): EditorValues {
  const name = `${definition.name} (copy)`;
  return { ...valuesOf(definition), name, code: suggestCode(name), codeTouched: false };
}

type CreateInput = VariablesOf<typeof CreateDefinition>["input"];
type UpdateInput = VariablesOf<typeof UpdateDefinition>["input"];

function shared(values: EditorValues) {
  const headers = fromPairs(values.headers);
  return {
    name: values.name.trim(),
    description: blank(values.description),
    eventTypes: values.eventTypes,
    filter: values.filter ?? null,
    targetUrl: values.target === "url" ? blank(values.targetUrl) : null,
    connectionId: values.target === "connection" ? values.connectionId : null,
    dialect: values.dialect,
    ordering: values.ordering,
    concurrency: values.concurrency,
    onExhausted: values.onExhausted,
    retrySchedule: values.retrySchedule?.map(Number) ?? null,
    timeoutMs: values.timeoutMs,
    maxConsecutiveErrors: values.maxConsecutiveErrors,
    properties: parseJson(values.properties)?.value ?? null,
    signatureVersions: values.signatureVersions,
    fieldsSet: values.fieldsSet,
    secretKeyId: values.secretKeyId,
    hmacAlgorithm: values.hmacAlgorithm,
    hmacEncoding: values.hmacEncoding,
    transformation: blank(values.transformation),
    payloadQuery: blank(values.payloadQuery),
    ...(values.headersTouched ? { headers } : {}),
    ...(values.target === "script"
      ? { targetType: "CRMSCRIPT" as const, scriptId: values.scriptId }
      : { targetType: "WEBHOOK" as const, scriptId: null }),
    ...(values.dialect === "SUPEROFFICE" ? { errorsEmail: blank(values.errorsEmail) } : {}),
  };
}

/** Null policy fields are left out on creation: the dialect's own then hold. */
export function createInput(values: EditorValues): CreateInput {
  const given = Object.entries(shared(values)).filter(([, value]) => value !== null);
  return { ...(Object.fromEntries(given) as unknown as CreateInput), ...(blank(values.code) ? { code: values.code.trim() } : {}) };
}

/** All of it; whoever saves sends what was changed. */
export function updateInput(values: EditorValues): Omit<UpdateInput, "id" | "ifUnchangedSince"> {
  return shared(values);
}

/** What each part of the editor is given. */
export interface FieldsProps {
  values: EditorValues;
  set: (part: Partial<EditorValues>) => void;
  issue: (path: string) => string | undefined;
}
