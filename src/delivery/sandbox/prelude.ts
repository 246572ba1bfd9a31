/**
 * What runs inside the sandbox before the tenant's source. It keeps the built-ins it needs in its closure, so that a
 * source which replaces `JSON.stringify` or `Array.prototype` fools only itself; and everything a source can trap
 * (getters, proxies, toJSON) is called here, inside the limits, never by us outside.
 *
 * Deterministic: `Date` stands still at the given time, `Math.random` starts from the input's hash. The same event
 * gives the same bytes on every try. There are no timers, no network, no modules.
 */
export const PRELUDE = `(function (now, seed, log, limit) {
  "use strict";
  const { stringify, parse } = JSON;
  const { apply, construct, ownKeys } = Reflect;
  const { defineProperty } = Object;
  const { slice } = String.prototype;
  const toText = String;
  const RealDate = Date;

  function FrozenDate(...args) {
    if (new.target === undefined) return toText(construct(RealDate, [now]));
    return construct(RealDate, args.length === 0 ? [now] : args, new.target === FrozenDate ? RealDate : new.target);
  }
  FrozenDate.prototype = RealDate.prototype;
  defineProperty(FrozenDate, "name", { value: "Date" });
  defineProperty(FrozenDate, "length", { value: 7 });
  defineProperty(FrozenDate, "now", { value: () => now, writable: true, configurable: true });
  defineProperty(FrozenDate, "parse", { value: RealDate.parse, writable: true, configurable: true });
  defineProperty(FrozenDate, "UTC", { value: RealDate.UTC, writable: true, configurable: true });
  defineProperty(RealDate.prototype, "constructor", { value: FrozenDate, writable: true, configurable: true });
  defineProperty(globalThis, "Date", { value: FrozenDate, writable: true, configurable: true });

  const imul = Math.imul;
  defineProperty(Math, "random", {
    value: () => { // mulberry32
      seed = (seed + 0x6d2b79f5) | 0;
      let t = imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
    writable: true, configurable: true,
  });

  let room = limit;
  function show(value) {
    if (typeof value === "string") return value;
    try {
      const text = typeof value === "object" && value !== null ? stringify(value) : undefined;
      return text === undefined ? toText(value) : text;
    } catch { return "[cannot be shown]"; }
  }
  function print(...values) {
    if (room <= 0) return;
    let line = "";
    for (let i = 0; i < values.length; i++) line += (i === 0 ? "" : " ") + show(values[i]);
    if (line.length + 8 >= room) { log(apply(slice, line, [0, room])); log("[the console was cut here]"); room = 0; return; }
    room -= line.length + 8; // an empty line costs something too
    log(line);
  }
  const out = { log: print, info: print, debug: print, warn: print, error: print, trace: print };
  defineProperty(globalThis, "console", { value: out, writable: true, configurable: true });

  // A BigInt is written as the number it is. NUL stands in no text of an event.
  const { replace } = String.prototype;
  const NUMBER = "\\u0000number:";
  const WRITTEN = /"\\\\u0000number:(-?\\d+)"/g;
  const write = (value) => {
    const text = stringify(value, (_, inner) => (typeof inner === "bigint" ? NUMBER + toText(inner) : inner));
    return text === undefined ? undefined : apply(replace, text, [WRITTEN, "$1"]);
  };
  // What no double holds comes as a BigInt, or as a text where it is no whole number.
  const { startsWith } = String.prototype;
  const { test } = RegExp.prototype;
  const WHOLE = /^-?\\d+$/;
  const RealBigInt = BigInt;
  const exactly = (json) => parse(json, (_, value) => {
    if (typeof value !== "string" || !apply(startsWith, value, [NUMBER])) return value;
    const token = apply(slice, value, [NUMBER.length]);
    return apply(test, WHOLE, [token]) ? RealBigInt(token) : token;
  });
  function withExact(target, json) {
    let made;
    const get = () => (made ??= exactly(json));
    const set = (value) => defineProperty(target, "exact", { value, writable: true, enumerable: true, configurable: true });
    if (!("exact" in target)) defineProperty(target, "exact", { get, set, enumerable: false, configurable: true });
  }

  const part = (kind, a, b, c) => ({ __proto__: null, kind, a, b, c });
  // Before anything is copied out; the bytes are counted outside.
  const sized = (a, b, c) =>
    a.length + (b === null ? 0 : b.length) + (c === null ? 0 : c.length) > limit
      ? part("BAD", "the result is larger than " + limit / 1024 + " KiB")
      : part("VALUE", a, b, c);
  return {
    __proto__: null,
    globals(json, marked) {
      const all = parse(json);
      for (const name of ownKeys(all)) {
        try {
          defineProperty(globalThis, name, { value: all[name], writable: true, enumerable: true, configurable: true });
        } catch {} // undefined, NaN, Infinity: cannot be replaced
      }
      withExact(globalThis, marked ?? json);
    },
    call(transform, json, marked) {
      const event = parse(json);
      withExact(event, marked ?? json);
      return apply(transform, undefined, [event]);
    },
    /** The value of a script's last expression; what is no JSON becomes null. */
    value(value) {
      let text;
      try { text = write(value); } catch { print("[the result is not JSON]"); }
      return sized(text === undefined ? "null" : text, null, null);
    },
    /** The event that a transformation returned. */
    event(value) {
      if (value === null) return part("NULL");
      if (typeof value !== "object") return part("BAD", "transform must return an event or null, not " + typeof value);
      const text = write(value);
      return text === undefined ? part("BAD", "transform returned no event; return null for none") : sized(text, null, null);
    },
    /** What a transformation returned, each part read once. */
    parts(value) {
      if (value === null) return part("NULL");
      if (typeof value !== "object") return part("BAD", "transform must return {body, headers, urlSuffix} or null, not " + typeof value);
      const { body, headers, urlSuffix } = value;
      const text = write(body);
      if (text === undefined) return part("BAD", "transform returned no body; return null to send nothing");
      if (urlSuffix !== undefined && urlSuffix !== null && typeof urlSuffix !== "string") return part("BAD", "urlSuffix must be a string");
      const pairs = headers === undefined || headers === null ? null : stringify(headers);
      if (pairs === undefined) return part("BAD", "headers must be an object of strings");
      return sized(text, pairs, urlSuffix === undefined ? null : urlSuffix);
    },
    describe(error) {
      let message = "", stack = "";
      try {
        message = error instanceof Error ? error.name + ": " + error.message : "thrown: " + show(error);
        stack = error instanceof Error ? toText(error.stack) : "";
      } catch { message = "an exception that cannot be shown"; }
      return part("ERROR", apply(slice, toText(message), [0, 1000]), apply(slice, stack, [0, 2000]));
    },
  };
})`;
