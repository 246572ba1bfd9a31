/** What the log says of a reply that broke off or contradicts itself: what really came. */
import { afterEach, describe, expect, it } from "vitest";
import { dialects } from "../../src/wire/dialects.ts";
import type { HostileMode } from "../helpers/hostile.ts";
import { call, closeAll, hostile, transport } from "./transport-setup.ts";

afterEach(closeAll);

async function answerOf(mode: HostileMode, timeoutMs = 500) {
  const h = await hostile(mode);
  const { answer } = await transport().send(call(h.url, { timeoutMs }));
  return answer;
}

describe("B39 a head that cannot be used: the text is true, and the status that came is there", () => {
  it.each([
    ["two-lengths", 200, "the reply is not HTTP/1.1: it has 2 Content-Length headers"],
    ["same-length-twice", 200, "the reply is not HTTP/1.1: it has 2 Content-Length headers"],
    ["length-and-chunked", 200, "the reply is not HTTP/1.1: it has both Content-Length and Transfer-Encoding"],
    ["status-line-twice", 500, "the reply is not HTTP/1.1: it has two status lines"],
    ["truncated-head", 200, "the reply ended before its head was complete"],
    ["reset-in-head", 202, "the receiver closed the connection before the head of its reply was complete"],
    ["stall-in-head", 202, "no complete reply within 500 ms"],
    ["big-headers", 200, "the reply's headers are larger than 16 KiB"],
    ["status-42", 42, "the reply is not HTTP/1.1: Invalid status code"],
    ["status-999", 999, "the reply's status is outside 100–599"],
    ["switching-protocols", 101, "the reply is an interim or upgrade answer that nobody asked for"],
  ] as const)("%s: %i", async (mode, status, message) => {
    expect(await answerOf(mode)).toMatchObject({ kind: "NO_REPLY", status, message });
  });

  it.each([
    ["reset", "the receiver closed the connection without a reply"],
    ["half-close", "the receiver closed the connection without a reply"],
    ["silent", "no reply within 500 ms"],
  ] as const)("%s: no status, for none came", async (mode, message) => {
    const answer = await answerOf(mode);
    expect(answer).toMatchObject({ kind: "NO_REPLY", message });
    expect(answer).not.toHaveProperty("status");
  });
});

describe("B39 a whole 2xx head is a delivery where the body is not read", () => {
  const faults = [
    ["truncated-body", "the reply ended before it was complete"],
    ["truncated-chunks", "the reply ended before it was complete"],
    ["reset-in-body", "the receiver closed the connection in the middle of its reply"],
    ["bad-chunk", "the reply's body is not HTTP/1.1: Invalid character in chunk size"],
    ["drip-body", "the reply's body did not end within 500 ms"],
  ] as const;

  it.each(faults)("%s", async (mode, message) => {
    const answer = await answerOf(mode);
    expect(answer).toMatchObject({ kind: "REPLY", status: 200, truncated: true, fault: { message } });
    for (const name of ["STANDARD", "CRMCOM", "COTALKER", "SUPEROFFICE"] as const) {
      expect(dialects[name].judge(answer)).toMatchObject({
        outcome: "DELIVERED",
        errorCode: null,
        warning: `the reply's body did not come in full: ${message}`,
      });
    }
    // doForms reads the body: what broke off decides nothing, and is tried again.
    expect(dialects.DOFORMS.judge(answer)).toMatchObject({
      outcome: mode === "drip-body" ? "TIMED_OUT" : "REFUSED",
      errorDescription: `HTTP 200, then: ${message}`,
      retryable: true,
      notificationStatus: "NEW",
    });
  });

  it("another status that breaks off has its fault's code, its own Retry-After and its status", async () => {
    const answer = await answerOf("error-then-reset");
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "7" }, body: "wait" });
    expect(dialects.STANDARD.judge(answer)).toMatchObject({ outcome: "REFUSED", errorCode: "CONNECTION_RESET", retryable: true });
    expect(dialects.STANDARD.judge(await answerOf("error-then-stall"))).toMatchObject({
      outcome: "TIMED_OUT",
      errorCode: "TIMEOUT",
      errorDescription: "HTTP 500, then: the reply's body did not end within 500 ms",
    });
    // 201 is no success of superoffice's.
    const created = await answerOf("stall-before-body");
    expect(dialects.SUPEROFFICE.judge(created)).toMatchObject({ outcome: "TIMED_OUT", errorCode: "TIMEOUT" });
    expect(dialects.STANDARD.judge(created)).toMatchObject({ outcome: "DELIVERED" });
  });
});
