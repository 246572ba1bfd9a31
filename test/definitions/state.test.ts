import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createDefinition, deleteDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { getDefinition } from "../../src/definitions/find.ts";
import { activateDefinitions, type StateChange, stateEvents, stopDefinitions } from "../../src/definitions/state.ts";
import { createDefinitionChores } from "../../src/delivery/lane-chores.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let admin: Caller;
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } };

beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());
beforeEach(async () => {
  admin = (await t.organization()).admin;
});

const create = async (dialect: "STANDARD" | "SUPEROFFICE" = "STANDARD") =>
  (await createDefinition(t.core, admin, { name: "D", targetUrl: "https://shop.example/", eventTypes: ["*"], dialect }, checks)).definition;

describe("stopping and activating", () => {
  it("take several at once, and answer in the order asked for", async () => {
    const ids = [(await create()).id, (await create()).id, (await create()).id];
    const [first, second, third] = ids as [string, string, string];
    const stopped = await stopDefinitions(t.core, admin, [third, first]);
    expect(stopped.definitions.map(({ id, state }) => [id, state])).toEqual([
      [third, "STOPPED"],
      [first, "STOPPED"],
    ]);
    expect(stopped.definitions[0]).toMatchObject({ stateReason: "stopped by hand", updatedById: admin.userId, signatureVersions: ["V1"] });
    expect((await getDefinition(t.core, admin, { id: second }))?.state).toBe("ACTIVE");
    const active = await activateDefinitions(t.core, admin, ids);
    expect(active.definitions.map(({ state, stateReason }) => [state, stateReason])).toEqual(Array(3).fill(["ACTIVE", null]));
    expect(active.changes.map((change) => change.definitionId).sort()).toEqual([first, third].sort());
  });

  it("report only what really changed, also of two at once", async () => {
    const { id } = await create();
    const both = await Promise.all([stopDefinitions(t.core, admin, [id]), stopDefinitions(t.core, admin, [id])]);
    expect(both.flatMap(({ changes }) => changes)).toHaveLength(1);
    expect((await stopDefinitions(t.core, admin, [id])).changes).toEqual([]);
    expect((await stopDefinitions(t.core, admin, [id, id])).definitions).toHaveLength(1);
  });

  it("take all or none", async () => {
    const { id } = await create();
    const other = (await t.organization()).admin;
    await expect(stopDefinitions(t.core, admin, [id, admin.organizationId])).rejects.toThrow(NotFoundError);
    await expect(stopDefinitions(t.core, other, [id])).rejects.toThrow(NotFoundError);
    await expect(stopDefinitions(t.core, admin, [])).rejects.toThrow(ValidationError);
    await expect(stopDefinitions(t.core, admin, Array(101).fill(id))).rejects.toThrow(ValidationError);
    await expect(stopDefinitions(t.core, await t.caller("VIEWER", undefined, admin.organizationId), [id])).rejects.toThrow(ForbiddenError);
    expect((await getDefinition(t.core, admin, { id }))?.state).toBe("ACTIVE");
    await deleteDefinition(t.core, admin, id);
    await expect(activateDefinitions(t.core, admin, [id])).rejects.toThrow(NotFoundError);
  });

  it("cost one row, however many lanes; activation leaves a mark for the chore and starts the count of errors anew", async () => {
    const { id } = await create();
    const counter = () => t.core.db.unscoped.definitionCounter.findUnique({ where: { definitionId: id } });
    await t.core.db.unscoped.definitionCounter.update({ where: { definitionId: id }, data: { consecutiveErrors: 7 } });
    await stopDefinitions(t.core, admin, [id]);
    expect(await counter()).toMatchObject({ consecutiveErrors: 7, goOnSince: null });
    await activateDefinitions(t.core, admin, [id]);
    expect(await counter()).toMatchObject({ consecutiveErrors: 0, goOnSince: expect.any(Date) });
    await createDefinitionChores(t.core).run();
    expect(await counter()).toMatchObject({ goOnSince: null });
    await deleteDefinition(t.core, admin, id);
    expect(await counter()).toMatchObject({ cancelSince: expect.any(Date) });
  });

  it("leave TOO_MANY_ERRORS", async () => {
    const { id } = await create();
    const { organizationId } = admin;
    await t.core.db.prisma.webhookDefinition.updateMany({
      where: { id, organizationId },
      data: { state: "TOO_MANY_ERRORS", stateReason: "9 errors" },
    });
    const { changes, definitions } = await activateDefinitions(t.core, admin, [id]);
    expect(changes).toMatchObject([{ before: "TOO_MANY_ERRORS", after: "ACTIVE" }]);
    expect(definitions).toMatchObject([{ state: "ACTIVE", stateReason: null }]);
  });

  it("come with a change of settings too", async () => {
    const { id } = await create("SUPEROFFICE");
    const updated = await updateDefinition(t.core, admin, id, { name: "New", state: "STOPPED" }, checks);
    expect(updated.definition).toMatchObject({ name: "New", state: "STOPPED" });
    expect(stateEvents(updated.changes)).toMatchObject([{ type: "webhook1.stopped", entity: "webhook", entityId: "1" }]);
    expect((await updateDefinition(t.core, admin, id, { state: "STOPPED" }, checks)).changes).toEqual([]);
  });

  it("and a refused change of settings changes no state", async () => {
    const { id } = await create();
    await expect(updateDefinition(t.core, admin, id, { state: "STOPPED", targetUrl: null }, checks)).rejects.toThrow(ValidationError);
    expect((await getDefinition(t.core, admin, { id }))?.state).toBe("ACTIVE");
  });
});

describe("events of a change of state", () => {
  const change: StateChange = { definitionId: "x", number: 12, name: "N", dialect: "SUPEROFFICE", before: "ACTIVE", after: "STOPPED" };

  it("are SuperOffice's webhook{id}.started, stopped and errors", () => {
    const types = (changes: StateChange[]) => stateEvents(changes).map((event) => event.type);
    expect(types([change, { ...change, before: "STOPPED", after: "ACTIVE" }, { ...change, after: "TOO_MANY_ERRORS" }])).toEqual([
      "webhook12.stopped",
      "webhook12.started",
      "webhook12.errors",
    ]);
  });

  it("are none for the other dialects, nor without a change", () => {
    expect(
      stateEvents([
        { ...change, dialect: "STANDARD" },
        { ...change, after: "ACTIVE" },
      ]),
    ).toEqual([]);
  });
});
