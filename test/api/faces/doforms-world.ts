/** doForms through the whole server with a worker and a real receiver: what its tests do all the time. */
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { data } from "../../helpers/graphql.ts";
import { type ReceivedCall, type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { type Answer, call } from "./results-server.ts";

export let app: TestApp;
/** A new one for each test. */
export let receiver: Receiver;

/** Called once by a test file. */
export function startDoforms(): void {
  beforeAll(async () => {
    // 60 s become 6 ms; the last wait of the schedule, 6 h, 2.2 s.
    app = await testApp({ retryScale: 0.0001 }, { worker: true });
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    return () => receiver.close();
  });
  afterAll(() => app.close());
}

export const api = (method: string, path: string, body?: object | string, as: string | undefined = app.adminToken): Promise<Answer> =>
  call(method, `${app.url}/api/v2${path}`, body, as === undefined ? {} : { authorization: `Bearer ${as}` });
export const ask = (query: string, variables?: Record<string, unknown>) => data(app, app.adminToken, query, variables);

let made = 0;

export interface Service {
  id: string;
  form: string;
  project: string;
  password: string;
  /** `{id}:{password}` */
  credentials: string;
}

export async function makeService(given: { form?: string; project?: string } = {}): Promise<Service> {
  made += 1;
  const service = {
    id: `acme$$${made}$$Published$$5678`,
    form: given.form ?? `form-${made}`,
    project: given.project ?? "5678",
    password: "pass:word, with a colon",
  };
  expect((await api("POST", "/webservices", service)).status).toBe(201);
  return { ...service, credentials: `${service.id}:${service.password}` };
}

export async function makeConnection(more: object = {}): Promise<string> {
  const urls = Object.fromEntries(["added", "edited", "deleted", "status"].map((action) => [action, `${receiver.url}/${action}`]));
  const answer = await api("POST", "/connections", { name: "Receiver", type: "webhook", urls, headers: [], ...more });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

const ALL = ["added", "edited", "deleted", "status"];

export async function target(service: Service, connectionId?: string, events: string[] = ALL): Promise<void> {
  const chosen = { connectionId: connectionId ?? (await makeConnection()), events };
  expect((await api("PUT", `/webservices/${service.id}/target`, chosen)).status).toBe(200);
}

/** A web service of its own that is notified of everything. */
export async function listening(): Promise<Service> {
  const service = await makeService();
  await target(service);
  return service;
}

export async function emit(service: Pick<Service, "form" | "project">, type = "record.created", more: object = {}): Promise<void> {
  const event = { type, entity: "record", entityId: "18", payload: {}, scope: { form: service.form, project: service.project }, ...more };
  const answer = await call("POST", `${app.url}/v1/events`, event, { authorization: `Bearer ${app.adminToken}` });
  expect(answer.status).toBe(202);
}

export const notification = (service: Service, key: string): Promise<Answer> =>
  api("GET", `/notifications/${key}`, undefined, service.credentials);
export const confirm = (service: Service, key: string, body: object | string = { status: "completed" }) =>
  api("PUT", `/notifications/${key}`, body, service.credentials);

export async function becomes(service: Service, key: string, status: string, within = 10_000): Promise<void> {
  await expect.poll(async () => (await notification(service, key)).body.status, { timeout: within }).toBe(status);
}

export interface Logged {
  state: string;
  notificationStatus: string;
  attempts: { outcome: string; statusCode: number | null; warning: string | null }[];
}

export async function logged(key: string): Promise<Logged> {
  const { webhookRequest } = await ask(
    "query ($id: ID!) { webhookRequest(id: $id) { state notificationStatus attempts(first: 50) { edges { node { outcome statusCode warning } } } } }",
    { id: key },
  );
  return { ...webhookRequest, attempts: webhookRequest.attempts.edges.map((edge: { node: object }) => edge.node) };
}

export const settled = (key: string, state: string) => expect.poll(async () => (await logged(key)).state, { timeout: 10_000 }).toBe(state);
export const keyOf = (received: ReceivedCall | undefined): string => received?.json().key;
export const firstKey = async () => keyOf((await receiver.waitFor(1))[0]);
