/** Connections follow their name: they take no call once its answer is old. */
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { Address } from "../../src/delivery/egress.ts";
import { call, closeAll, codeOf, receiver, transport } from "./transport-setup.ts";

afterEach(closeAll);

/** A clock that the test moves. */
function movedClock() {
  let ahead = 0;
  return {
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + ahead },
    move: (ms: number) => {
      ahead += ms;
    },
  };
}

it("B36 a name that moved is followed: no call begins on a connection whose answer is older than the setting", async () => {
  const old = await receiver();
  const moved = await receiver({ host: "127.0.0.2", port: old.port });
  let address = "127.0.0.1";
  const resolver = async () => [{ address, family: 4 }] satisfies Address[];
  const { clock, move } = movedClock();
  const out = transport({ resolver, clock, connectionAgeMs: 30_000, connectionsPerOrigin: 2 });
  const send = async () => codeOf(await out.send(call(`http://moves.test:${old.port}/`)));
  for (let n = 0; n < 3; n += 1) expect(await send()).toBe("REPLY 200");
  address = "127.0.0.2";
  move(29_000);
  expect(await send()).toBe("REPLY 200");
  expect([old.calls.length, old.connections, moved.calls.length]).toEqual([4, 1, 0]);
  move(1_000);
  // Busy lanes that wait for each other's connections are handed none of the old ones.
  expect(await Promise.all(Array.from({ length: 10 }, send))).toEqual(Array.from({ length: 10 }, () => "REPLY 200"));
  expect([old.calls.length, moved.calls.length]).toEqual([4, 10]);
  expect(moved.connections).toBeLessThanOrEqual(2);
});

it("B36 a connection that grows old during a call is not handed to the next in line", async () => {
  const old = await receiver();
  const moved = await receiver({ host: "127.0.0.2", port: old.port });
  let address = "127.0.0.1";
  const { clock, move } = movedClock();
  const out = transport({ resolver: async () => [{ address, family: 4 }], clock, connectionsPerOrigin: 1 });
  old.hold();
  const first = out.send(call(`http://moves.test:${old.port}/`));
  await old.waitFor(1);
  const second = out.send(call(`http://moves.test:${old.port}/`));
  address = "127.0.0.2";
  move(31_000);
  old.release();
  expect([codeOf(await first), codeOf(await second)]).toEqual(["REPLY 200", "REPLY 200"]);
  expect([old.calls.length, moved.calls.length]).toEqual([1, 1]);
});

it("B36 an address that was no name's answer has no age", async () => {
  const r = await receiver();
  const { clock, move } = movedClock();
  const out = transport({ clock });
  expect(codeOf(await out.send(call(r.url)))).toBe("REPLY 200");
  move(3_600_000);
  expect(codeOf(await out.send(call(r.url)))).toBe("REPLY 200");
  expect(r.connections).toBe(1);
});
