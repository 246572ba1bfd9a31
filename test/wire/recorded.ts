/** Runs one recorded case of test/fixtures/dialects through a dialect; what comes out has the fixture's form. */
import type { DefinitionView, DialectName, EventView, NoReply, Reply, RequestView, Verdict } from "../../src/wire/dialect.ts";
import { dialects } from "../../src/wire/dialects.ts";
import { signingKey } from "../../src/wire/signatures/signing-key.ts";
import { VERSION } from "../../src/wire/user-agent.ts";
import { DEFINITION, EVENT, REQUEST } from "./views.ts";

export interface RenderCase {
  title: string;
  /** What differs from the views of views.ts. */
  event?: Omit<Partial<EventView>, "occurredAt"> & { occurredAt?: string };
  definition?: Partial<DefinitionView> & { signingSecrets?: ["STANDARD" | "TEXT" | "ED25519", string][] };
  request?: Partial<RequestView>;
  /** Made elsewhere. */
  body?: string;
  expected: Recorded;
}

export interface Recorded {
  url: string | null;
  headers?: Record<string, string>;
  body?: string;
  authenticationCode?: string | null;
}

export interface ReplyCase {
  title: string;
  reply?: Partial<Reply>;
  noReply?: Omit<NoReply, "kind">;
  /** Only what is not null or false. */
  verdict: Partial<Verdict>;
}

export interface Fixture {
  renders: RenderCase[];
  replies: ReplyCase[];
}

const SENT_AT = new Date("2026-11-21T20:41:00.999Z");

export function renderCase(name: DialectName, recorded: RenderCase): Recorded {
  const dialect = dialects[name];
  const { signingSecrets = [], ...changes } = recorded.definition ?? {};
  const signingKeys = signingSecrets.map(([kind, text]) => signingKey(name, kind, text));
  const definition = { ...DEFINITION, dialect: name, policy: dialect.defaults, ...changes, signingKeys };
  const event = { ...EVENT, ...recorded.event, occurredAt: new Date(recorded.event?.occurredAt ?? EVENT.occurredAt) };
  const request = { ...REQUEST, ...recorded.request };
  const url = dialect.target(event, definition);
  if (url === null) return { url };
  const body = recorded.body === undefined ? null : Buffer.from(recorded.body);
  const sent = dialect.render({ event, definition, request, now: SENT_AT, publicUrl: "https://hooks.example", body });
  const headers = { ...sent.headers };
  headers["user-agent"] = (headers["user-agent"] ?? "").replace(VERSION, "{version}");
  return { url, headers, body: sent.body.toString(), authenticationCode: sent.authenticationCode };
}

export function judgeCase(name: DialectName, recorded: Pick<ReplyCase, "reply" | "noReply">): Partial<Verdict> {
  const verdict = dialects[name].judge(
    recorded.noReply
      ? { kind: "NO_REPLY", ...recorded.noReply }
      : { kind: "REPLY", status: 200, headers: {}, body: "", truncated: false, ...recorded.reply },
  );
  return Object.fromEntries(Object.entries(verdict).filter(([, value]) => value !== null && value !== false));
}
