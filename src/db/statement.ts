/**
 * A statement of the hot path, with the types of what goes in and what comes out. Names are unique: Postgres keeps each
 * prepared under its name. test/db/statements.test.ts prepares every one of them on the real tables and compares.
 */
import type { Pool, PoolClient } from "pg";
import { parametersOf, preparedValue } from "./parameters.ts";

/** A pool, one of its clients, or a tenant's view (tenant.ts). */
export interface Queries {
  query: Pool["query"] | PoolClient["query"];
}

/** Postgres types as node-postgres reads them here (client.ts sets int8 to number). */
interface Types {
  uuid: string;
  text: string;
  bool: boolean;
  int4: number;
  int8: number;
  float8: number;
  timestamptz: Date;
  jsonb: unknown;
  bytea: Buffer;
}
type TypeName = keyof Types;
/** `uuid` never null · `uuid?` may be null · `uuid[]` an array · an enum's own name reads as text. */
export type ColumnType = `${TypeName}${"" | "[]"}${"" | "?"}` | `enum:${string}`;

type Base<T> = T extends `${infer B}[]` ? (B extends TypeName ? Types[B][] : never) : T extends TypeName ? Types[T] : string;
type Value<T extends ColumnType> = T extends `enum:${infer E}`
  ? E extends `${string}?`
    ? string | null
    : string
  : T extends `${infer B}?`
    ? Base<B> | null
    : Base<T>;

export type RowShape = Readonly<Record<string, ColumnType>>;
export type RowOf<S extends RowShape> = { -readonly [K in keyof S]: Value<S[K]> };

export interface Statement<S extends RowShape> {
  readonly name: string;
  readonly text: string;
  /** Column by column what it returns; {} for none. */
  readonly row: S;
  /** What its text casts each parameter to. */
  readonly parameters: readonly string[];
  /** Runs it. @returns its rows */
  rows(client: Queries, values: readonly unknown[]): Promise<RowOf<S>[]>;
  /** Runs it. @returns how many rows it touched */
  count(client: Queries, values: readonly unknown[]): Promise<number>;
}

export function statement<const S extends RowShape>(definition: { name: string; text: string; row: S }): Statement<S> {
  const { name, text, row } = definition;
  const parameters = parametersOf(text);
  const sent = (values: readonly unknown[]) => ({ name, text, values: values.map((value, i) => preparedValue(parameters[i], value)) });
  return {
    name,
    text,
    row,
    parameters,
    rows: async (client, values) => (await client.query(sent(values))).rows as RowOf<S>[],
    count: async (client, values) => (await client.query(sent(values))).rowCount ?? 0,
  };
}
