/** A receiver may say back its own URL, as many do on their page for what they do not know: its secrets stay out of the log. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { maskTarget, targetSecrets } from "../../src/wire/mask.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

const KEY = "AbCdEf0123456789AbCdEf0123456789";
const SECRETS = [KEY, "s3cr3t-Zq9", "k%3Dy/0123456789abc", "k=y/0123456789abc"];

test("in body, headers and Location of a reply, and in what a definition says of its last error", async () => {
  const path = `/hook/${KEY}?apikey=s3cr3t-Zq9&sig=k%3Dy/0123456789abc&page=17`;
  receiver.respond(() => ({
    status: 302,
    headers: { "x-echo": path, location: `${receiver.url}${path}` },
    body: `Cannot POST ${path}; {"apikey":"s3cr3t-Zq9","sig":"k=y/0123456789abc"}; page 17 of shop`,
  }));
  const id = await d.definition({ targetUrl: receiver.url + path, eventTypes: ["echo.made"], retrySchedule: [] });
  await d.emit("echo.made");
  const request = await d.request(id, "REJECTED");
  const [attempt] = await d.attempts(request);
  const { rows } = await d.t.core.db.pool.query("SELECT last_error FROM definition_counter WHERE definition_id = $1", [id]);
  const [stored] = (await d.t.core.db.pool.query("SELECT error_description FROM webhook_request WHERE id = $1", [request])).rows;
  const said = JSON.stringify([attempt?.response_body, attempt?.response_headers, attempt?.error_description, rows, stored]);
  for (const secret of SECRETS) expect(said).not.toContain(secret);
  expect(attempt?.response_body).toContain("Cannot POST /hook/***?apikey=***");
  expect(attempt?.response_body).toContain("page 17 of shop");
});

test("of a URL without secrets nothing is hidden", () => {
  for (const url of ["https://shop.example/hooks/orders", "https://shop.example/", "not a url", "https://shop.example:8443/a/b-c/d_e.f"]) {
    expect(maskTarget(url)).toBe(url);
    expect(targetSecrets(url)).toEqual([]);
  }
});
