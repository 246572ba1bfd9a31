/** A tab belongs to the session it was rendered for: nothing goes out under another's, and an end throws nothing away that was typed. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Dashboard, openDashboard } from "./helpers/dashboard.ts";
import { createDefinition, mutate } from "./helpers/seed.ts";

let dashboard: Dashboard;
let receiver: Receiver;
const applications = new Map<string, string>();
let definition: string;
let otherToken: string;

beforeAll(async () => {
  receiver = await startReceiver();
  dashboard = await openDashboard();
  const { installation } = dashboard;
  for (const name of ["Acme", "Beta"]) {
    const made = await mutate(installation, "createApplication", { uid: name.toLowerCase(), name }, "... on Application { id }");
    applications.set(name, made.id);
  }
  definition = (await createDefinition(installation, { name: "First", targetUrl: `${receiver.url}/first`, eventTypes: ["*"] })).id;
  otherToken = (await mutate(installation, "createOrganization", { name: "Umbrella" }, "... on CreatedOrganization { adminToken }"))
    .adminToken;
}, 120_000);
afterAll(async () => {
  await dashboard?.close();
  await receiver?.close();
});

async function linkTo(name: string): Promise<string> {
  const input = { applicationId: applications.get(name) };
  return (await mutate(dashboard.installation, "createPortalLink", input, "... on PortalLink { url }")).url;
}

const namesOf = async (token?: string): Promise<string[]> => {
  const query = "{ webhookDefinitions(first: 100) { edges { node { name } } } }";
  const { webhookDefinitions } = await dashboard.installation.graphql(query, {}, token);
  return webhookDefinitions.edges.map((edge: { node: { name: string } }) => edge.node.name);
};

async function browserOf<Result>(run: (context: BrowserContext) => Promise<Result>): Promise<Result> {
  const context = await dashboard.person();
  try {
    return await run(context);
  } finally {
    await context.close();
  }
}

async function enterPortal(context: BrowserContext, name: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(await linkTo(name));
  await page.getByRole("banner").getByText(name, { exact: true }).waitFor();
  return page;
}

/** By an API token, in a tab of its own. */
async function signIn(context: BrowserContext, token: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${dashboard.installation.url}/sign-in`);
  await page.getByText("API token", { exact: true }).click();
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  return page;
}

async function fillPortalForm(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "New webhook" }).first().click();
  const panel = page.getByRole("dialog", { name: "New webhook" });
  await panel.getByLabel("Name").fill(name);
  await panel.getByLabel("Target URL").fill(`${receiver.url}/${encodeURIComponent(name)}`);
  await panel.getByLabel("Event types").fill("order.*");
  await panel.getByLabel("Event types").press("Enter");
}

const create = (page: Page) => page.getByRole("dialog", { name: "New webhook" }).getByRole("button", { name: "Create webhook" }).click();

async function revoke(kind: "BROWSER" | "PORTAL"): Promise<void> {
  const client = new pg.Client({ connectionString: await dashboard.installation.databaseUrl() });
  await client.connect();
  try {
    await client.query("UPDATE session SET revoked_at = now() WHERE kind = $1::session_kind AND revoked_at IS NULL", [kind]);
  } finally {
    await client.end();
  }
}

const ended = (page: Page) => page.getByRole("dialog", { name: "Your session has ended" });
const other = (page: Page) => page.getByRole("dialog", { name: "Somebody else has signed in" });

test("a form of one application's portal makes nothing in another's", { timeout: 120_000 }, async () => {
  await browserOf(async (context) => {
    const acme = await enterPortal(context, "Acme");
    await fillPortalForm(acme, "Typed for Acme");
    await enterPortal(context, "Beta");
    await create(acme);
    await other(acme).waitFor();
    expect(await namesOf()).not.toContain("Typed for Acme");
    // It can still be read, and tried again in vain.
    await other(acme).getByRole("button", { name: "Back to what I typed" }).click();
    expect(await acme.getByLabel("Name").inputValue()).toBe("Typed for Acme");
    await create(acme);
    await other(acme).getByRole("button", { name: "Discard and reload" }).click();
    await acme.getByRole("banner").getByText("Beta", { exact: true }).waitFor();
    await acme.getByText("the page was loaded anew for them").waitFor();
    expect(await namesOf()).not.toContain("Typed for Acme");
    // The same application by another link is the same person: the page goes on.
    await fillPortalForm(acme, "Made in Beta");
    await enterPortal(context, "Beta");
    await create(acme);
    await acme.getByText("Signing secret of Made in Beta").waitFor();
  });
  expect(await namesOf()).toContain("Made in Beta");
  expect(dashboard.mistakes).toEqual([]);
});

test("a dashboard's tab does nothing in another organization; without unsaved work it is loaded anew", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  await browserOf(async (context) => {
    const mine = await signIn(context, installation.token);
    await mine.goto(`${installation.url}/webhooks/${definition}`);
    await mine.getByRole("button", { name: "Stop" }).first().waitFor();
    const idle = await context.newPage();
    await idle.goto(`${installation.url}/log`);
    await idle.getByRole("heading", { name: "Log" }).waitFor();
    // Longer than a tab looks at its cookie again.
    let documents = 0;
    await idle.route("**/log", async (route) => {
      documents += 1;
      await sleep(2_000);
      await route.continue();
    });
    const form = await context.newPage();
    await form.goto(`${installation.url}/settings/event-types`);
    await form.getByRole("button", { name: "New event type" }).first().click();
    await form.getByRole("dialog").getByLabel("Name").fill("typed.here");

    await signIn(context, otherToken);
    await form
      .getByRole("dialog")
      .getByRole("button", { name: /^Create/ })
      .click();
    await other(form).waitFor();
    for (const token of [installation.token, otherToken]) {
      const { eventTypes } = await installation.graphql("{ eventTypes(first: 100) { edges { node { name } } } }", {}, token);
      expect(JSON.stringify(eventTypes)).not.toContain("typed.here");
    }
    await idle.bringToFront();
    await idle.getByText("Umbrella", { exact: true }).waitFor();
    expect(documents).toBe(1);
    await mine.bringToFront();
    await mine.getByText("Umbrella", { exact: true }).waitFor();
  });
  expect(dashboard.mistakes).toEqual([]);
});

test("who signs in again as the same person goes on in every tab: live, and with downloads", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  await browserOf(async (context) => {
    const page = await signIn(context, installation.token);
    // Another program's of this host, by a name that many have.
    await context.addCookies([{ name: "XSRF-TOKEN", value: "100%", url: installation.url }]);
    await page.goto(`${installation.url}/log`);
    await page.getByText("Live", { exact: true }).waitFor();
    await signIn(context, installation.token);
    await page.bringToFront();
    await page.getByRole("button", { name: "Export" }).click();
    const downloaded = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "CSV" }).click();
    await downloaded;
    // The connection breaks while the tab has not asked yet whose the cookie is now.
    await signIn(context, installation.token);
    await page.bringToFront();
    await context.setOffline(true);
    await page.getByText("Reconnecting").waitFor();
    await context.setOffline(false);
    await page.getByText("Live", { exact: true }).waitFor();
  });
  expect(dashboard.mistakes).toEqual([]);
});

test("the server refuses what a page sends under another session than its own", async () => {
  const { installation } = dashboard;
  const origin = installation.url;
  const enter = async (token: string) => {
    const headers = { "content-type": "application/json", origin };
    const response = await fetch(`${origin}/sign-in-token`, { method: "POST", headers, body: JSON.stringify({ token }) });
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0] as string);
    return {
      cookie: cookies.join("; "),
      name: cookies.find((each) => each.startsWith("HOOKLINE-SESSION="))?.slice("HOOKLINE-SESSION=".length) as string,
    };
  };
  const [mine, theirs] = [await enter(installation.token), await enter(otherToken)];
  const status = async (cookie: string, named: Record<string, string>) => {
    const headers = { "content-type": "application/json", origin, cookie, ...named };
    return (await fetch(`${origin}/graphql`, { method: "POST", headers, body: '{"query":"{ viewer { role } }"}' })).status;
  };
  expect(await status(mine.cookie, { "x-hookline-session": mine.name })).toBe(200);
  expect(await status(mine.cookie, {})).toBe(200);
  expect(await status(theirs.cookie, { "x-hookline-session": mine.name })).toBe(403);
  // What programs of before sent in it was never looked at here.
  expect(await status(mine.cookie, { "x-xsrf-token": "anything" })).toBe(200);
  const closed = async (cookie: string, name: string) => {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/graphql`, "graphql-transport-ws", { headers: { cookie, origin } });
    socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload: { "x-hookline-session": name } })));
    const answer = await Promise.race([
      once(socket, "message").then(([data]) => JSON.parse(String(data)).type as string),
      once(socket, "close").then(([code]) => code as number),
    ]);
    socket.close();
    return answer;
  };
  expect(await closed(mine.cookie, mine.name)).toBe("connection_ack");
  expect(await closed(theirs.cookie, mine.name)).toBe(4403);
});

test("an end of the session keeps what is typed; signing in in another tab lets it be saved", { timeout: 120_000 }, async () => {
  const { installation } = dashboard;
  await browserOf(async (context) => {
    const page = await signIn(context, installation.token);
    await page.goto(`${installation.url}/webhooks/${definition}`);
    await page.getByRole("button", { name: "Edit" }).first().click();
    await page.getByLabel("Name").first().fill("First, renamed");
    await revoke("BROWSER");
    // The live socket ends with the session.
    await ended(page).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/webhooks/${definition}`);
    await ended(page).getByRole("button", { name: "Back to what I typed" }).click();
    expect(await page.getByLabel("Name").first().inputValue()).toBe("First, renamed");
    await page.getByRole("button", { name: "Save" }).first().click();
    await ended(page).waitFor();
    await signIn(context, installation.token);
    await ended(page).waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Save" }).first().click();
    await expect.poll(() => namesOf()).toContain("First, renamed");

    // Without anything typed it is the sign-in page, as ever, and the way back.
    await page.goto(`${installation.url}/webhooks/${definition}`);
    await page.getByRole("button", { name: "Edit" }).first().waitFor();
    await revoke("BROWSER");
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  });
  expect(dashboard.mistakes).toEqual([]);
});

test("the portal's form outlives its session; a page that only shows says that it is over", { timeout: 120_000 }, async () => {
  await browserOf(async (context) => {
    const page = await enterPortal(context, "Acme");
    await fillPortalForm(page, "Typed before the end");
    await revoke("PORTAL");
    // The list behind the form is asked for again after ten seconds.
    await ended(page).waitFor();
    await ended(page).getByText("Ask for a new link").waitFor();
    await ended(page).getByRole("button", { name: "Back to what I typed" }).click();
    const further = await enterPortal(context, "Acme");
    await create(page);
    await page.getByText("Signing secret of Typed before the end").waitFor();

    await further.reload();
    await further.getByRole("link", { name: "Typed before the end" }).click();
    await further.getByText("Live", { exact: true }).waitFor();
    await page.close();
    await revoke("PORTAL");
    await further.getByRole("heading", { name: "You are signed out" }).waitFor();
  });
  expect(dashboard.mistakes).toEqual([]);
});
