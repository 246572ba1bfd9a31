/** B30: what is under way for a lane ends with its lease. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { LaneLease } from "../../src/delivery/lane-lease.ts";

const LEASE_MS = 200;

test("B30 a call in flight is given up before the lease is over for others", async () => {
  const from = systemClock.monotonic();
  const lease = new LaneLease(systemClock, LEASE_MS, from);
  let halted = false;
  lease.watch(
    () => true,
    () => {
      halted = true;
      expect(lease.signal.aborted).toBe(false);
    },
  );
  expect(lease.holds).toBe(true);
  await once(lease.signal, "abort");
  expect(halted).toBe(true);
  expect(lease.holds).toBe(false);
  expect(systemClock.monotonic() - from).toBeGreaterThanOrEqual(LEASE_MS * 0.8 - 1);
});

test("B30 one that is renewed meanwhile goes on until the renewed lease ends", async () => {
  const from = systemClock.monotonic();
  const lease = new LaneLease(systemClock, LEASE_MS, from);
  lease.watch(
    () => true,
    () => undefined,
  );
  lease.renewed(from + LEASE_MS);
  await once(lease.signal, "abort");
  expect(systemClock.monotonic() - from).toBeGreaterThanOrEqual(LEASE_MS * 1.8 - 1);
});

test("with nothing in flight nothing is given up; a lane that is no longer ours has nothing under way", async () => {
  const lease = new LaneLease(systemClock, 10, systemClock.monotonic());
  const looked = new Promise<void>((resolve) => {
    lease.watch(
      () => {
        resolve();
        return false;
      },
      () => undefined,
    );
  });
  await looked;
  expect(lease.signal.aborted).toBe(false);
  lease.end();
  expect(lease.signal.aborted).toBe(true);
});
