import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import type { StoppedDefinition } from "../../src/delivery/lane-stop.ts";
import { createMailer, deliverMail, type Mail, stateChangeMail } from "../../src/delivery/mail.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";

let t: TestCore;
let mailbox: Mailbox;
beforeAll(async () => {
  t = await testCore();
  mailbox = await startMailbox();
});
afterEach(() => {
  mailbox.mails.length = 0;
});
afterAll(async () => {
  await mailbox.close();
  await t.close();
});

let number = 0;

/** A definition whose last attempt failed, and the change that it made. */
async function stopped(overrides: { name?: string; errorsEmail?: string | null; state?: StoppedDefinition["state"] } = {}) {
  const { unscoped } = t.core.db;
  const organizationId = t.organizationId;
  number += 1;
  const definition = await unscoped.webhookDefinition.create({
    data: {
      ...{ organizationId, number, name: overrides.name ?? "Tonys Contact Handler", code: `hook_${number}`, dialect: "SUPEROFFICE" },
      ...{
        errorsEmail: overrides.errorsEmail === undefined ? "tony@example.test" : overrides.errorsEmail,
        targetUrl: "https://x.example/secret-path",
      },
    },
  });
  const event = await unscoped.event.create({
    data: { id: newId(), organizationId, type: "contact.changed", payload: "{}", occurredAt: new Date() },
  });
  const request = await unscoped.webhookRequest.create({
    data: {
      id: newId(),
      organizationId,
      number,
      definitionId: definition.id,
      eventId: event.id,
      dialect: "SUPEROFFICE",
      eventType: event.type,
    },
  });
  for (const [attempt, statusCode] of [200, 503].entries()) {
    await unscoped.attempt.create({
      data: {
        ...{ organizationId, requestId: request.id, number: attempt + 1, outcome: "REJECTED", statusCode, durationMs: 1 },
        ...{ errorCode: "HTTP_STATUS", errorDescription: `HTTP ${statusCode}`, requestUrl: "https://x.example", startedAt: new Date() },
      },
    });
  }
  await unscoped.definitionCounter.update({ where: { definitionId: definition.id }, data: { consecutiveErrors: 9 } });
  const stop: StoppedDefinition = {
    ...{ organizationId, definitionId: definition.id, requestId: request.id },
    ...{ state: overrides.state ?? "TOO_MANY_ERRORS", reason: "9 failed attempts in a row" },
  };
  return { event, stop, mail: await stateChangeMail(t.core.db.pool as never, stop) };
}

async function deliver(mail: Mail | undefined) {
  if (mail) await createMailer({ smtpUrl: mailbox.url, mailFrom: "hookline@localhost" })?.send(mail);
  return mailbox.mails.at(-1);
}

test("names webhook, event, status and error, and arrives over SMTP", async () => {
  const { event, mail } = await stopped();
  const received = await deliver(mail);
  expect(received).toMatchObject({
    from: "hookline@localhost",
    to: ["tony@example.test"],
    subject: 'Webhook "Tonys Contact Handler" was stopped: too many errors',
  });
  expect(received?.text).toContain("Name:       Tonys Contact Handler\n");
  expect(received?.text).toContain(`EventId:    ${event.id}\n`);
  expect(received?.text).toContain("Event:      contact.changed\n");
  expect(received?.text).toContain("Status:     HTTP 503\n");
  expect(received?.text).toContain("Error:      HTTP_STATUS: HTTP 503\n");
  expect(received?.text).toContain("because 9 failed attempts in a row.");
  expect(received?.text).not.toContain("secret-path");
  expect(received?.headers["message-id"]).toBe(mail?.messageId);
});

test("a name cannot add headers, lines or recipients", async () => {
  const { mail } = await stopped({ name: "Blåbær\r\nBcc: evil@example.test\r\n\r\nhello" });
  const received = await deliver(mail);
  expect(received?.to).toEqual(["tony@example.test"]);
  expect(received?.headers["bcc"]).toBeUndefined();
  expect(received?.subject).toBe('Webhook "Blåbær Bcc: evil@example.test hello" was stopped: too many errors');
  const list = await deliver({ ...(mail as Mail), to: "a@example.test" });
  expect(list?.to).toEqual(["a@example.test"]);
});

test("there is none for another state, nor without an address", async () => {
  expect((await stopped({ state: "STOPPED" })).mail).toBeUndefined();
  expect((await stopped({ errorsEmail: null })).mail).toBeUndefined();
});

test("with HOOKLINE_PUBLIC_URL a mail ends with where to look: the webhook, or what needs attention", async () => {
  const mailer = createMailer({ smtpUrl: mailbox.url, mailFrom: "hookline@localhost" });
  const reached = { ...t.core, config: { ...t.core.config, publicUrl: "https://hooks.example" } };
  const { mail, stop } = await stopped();
  await deliverMail(reached, mailer, mail as Mail);
  expect(mailbox.mails[0]?.text.trimEnd().split("\n").at(-1)).toBe(
    `Dashboard:  https://hooks.example/webhooks/${globalId("WebhookDefinition", stop.definitionId)}`,
  );
  await deliverMail(reached, mailer, { ...(mail as Mail), definitionId: undefined });
  expect(mailbox.mails[1]?.text.trimEnd().split("\n").at(-1)).toBe("Dashboard:  https://hooks.example/");
  await deliverMail({ ...t.core, config: { ...t.core.config, publicUrl: undefined } }, mailer, mail as Mail);
  expect(mailbox.mails[2]?.text).not.toContain("Dashboard");
});

test("a name that turns the rest of the line around does not", async () => {
  const { mail } = await stopped({ name: "\u202eerutuf eht \u2066from\u0007 here" });
  expect(mail?.subject).toBe('Webhook "erutuf eht from here" was stopped: too many errors');
});

test("each change has a Message-ID of its own, the same on every try", async () => {
  const first = await stopped();
  const again = await stateChangeMail(t.core.db.pool as never, first.stop);
  expect(again?.messageId).toBe(first.mail?.messageId);
  expect((await stopped()).mail?.messageId).not.toBe(first.mail?.messageId);
});

test("a server that refuses is an error, so that the job tries again", async () => {
  const { mail } = await stopped();
  mailbox.refuse(1);
  await expect(deliver(mail)).rejects.toThrow(/451|try again/);
  expect(await deliver(mail)).toMatchObject({ to: ["tony@example.test"] });
  expect(mailbox.mails).toHaveLength(1);
});

test("without HOOKLINE_SMTP_URL there is no mailer", () => {
  expect(createMailer({ smtpUrl: undefined, mailFrom: "x@y" })).toBeUndefined();
});

test("a relay that always has another line to say is left at the deadline; so is one that never says any", async () => {
  const { mail } = await stopped();
  const sockets = new Set<Socket>();
  const dribbling = createServer((socket) => {
    sockets.add(socket);
    socket.write("220 here\r\n");
    const timer = setInterval(() => socket.write("250-and more\r\n"), 50);
    socket
      .on("error", () => {})
      .on("close", () => {
        clearInterval(timer);
        sockets.delete(socket);
      });
  });
  await new Promise<void>((resolve) => dribbling.listen(0, "127.0.0.1", resolve));
  try {
    const smtpUrl = `smtp://127.0.0.1:${(dribbling.address() as AddressInfo).port}`;
    const mailer = createMailer({ smtpUrl, mailFrom: "hookline@localhost" }, { sendMs: 400 });
    await expect(mailer?.send(mail as Mail)).rejects.toThrow("did not take the mail within 0.4 s");
    await expect.poll(() => sockets.size).toBe(0);
  } finally {
    dribbling.close();
  }
});

test("nobody hears by mail of an organization that is being erased", async () => {
  const { mail } = await stopped();
  const mailer = createMailer({ smtpUrl: mailbox.url, mailFrom: "hookline@localhost" });
  expect(await deliverMail(t.core, mailer, mail as Mail)).toBe(true);
  await t.core.db.pool.query("INSERT INTO organization_erasure (organization_id, total) VALUES ($1, 1)", [t.organizationId]);
  expect(await deliverMail(t.core, mailer, mail as Mail)).toBe(false);
  expect(await deliverMail(t.core, mailer, { ...(mail as Mail), organizationId: newId() })).toBe(false);
  expect(mailbox.mails).toHaveLength(1);
});
