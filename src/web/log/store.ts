/**
 * The live log behind the page: first page, older pages, live updates, pause and resume. It outlives the page, so that
 * coming back from a request goes on where one left off, from the cursor, with a marker.
 */
import type { Client } from "urql";
import { explain } from "../graphql/client.ts";
import { follow, type LiveStatus } from "../graphql/live.ts";
import { LogPageQuery, type LogRow, LogSubscription, OlderQuery, PlaceQuery, TotalQuery } from "./documents.ts";
import { belongs, type LogFilter, liveFilter, toInput } from "./filter.ts";
import { MOST_ROWS, merge, ROWS_BEHIND } from "./rows.ts";

export interface LogState {
  rows: LogRow[];
  status: LiveStatus;
  /** How many the server counted; undefined until the first page is there. */
  total: number | undefined;
  /** There are more, or may be, than `total` says. */
  totalCapped: boolean;
  error: string | undefined;
  loadingOlder: boolean;
  /** The last page of older ones could not be read. */
  olderFailed: boolean;
  hasOlder: boolean;
  /** The newest number one had seen when one paused or left: the marker stands above it. */
  marker: number | undefined;
  /** Rows added on top since the store began: the view moves along by the difference. */
  above: number;
}

const SEEN = "hookline.log.seen";
/** Milliseconds between a change and the next count, at least; and ten times what the last count took. */
const RECOUNT_MS = 700;
/** Before a first page that failed is asked for again. */
const RETRY_MS = 2_000;
/** Between two renders of what comes in: two frames, or so many times what the last one took, for then the page stays smooth. */
const RENDER_MS = 33;
const REST = 9;
const MOST_REST_MS = 1_000;
/** Rows below those in use that stay as well. */
const PAGE = 100;

export class LogStore {
  state: LogState = {
    rows: [],
    status: "connecting",
    total: undefined,
    totalCapped: false,
    error: undefined,
    loadingOlder: false,
    olderFailed: false,
    hasOlder: false,
    marker: undefined,
    above: 0,
  };
  /** Where the view was, for coming back. */
  scrollTop = 0;
  /** Rows from the top that somebody has on screen, or chose: they stay. */
  inUse = 0;
  readonly filter: LogFilter;
  #client: Client;
  #cursor: string | undefined;
  #older: string | null | undefined;
  #stop: (() => void) | undefined;
  #waiting: LogRow[] = [];
  #frame: ReturnType<typeof setTimeout> | undefined;
  #recount: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** What came while an older page was on its way: it may be newer than what that page says. */
  #meanwhile: LogRow[] = [];
  /** Milliseconds that the last count took. */
  #counted = 0;
  #wanted = false;
  #starting = false;
  /** The oldest rows were dropped: the next page is the one after the last that is left. */
  #cut = false;
  /** The number of the oldest row that was loaded last: also when none is left. */
  #lowest = Number.NEGATIVE_INFINITY;
  /** Not before this moment is what comes in rendered; and what the last time took until it was seen, milliseconds. */
  #restsUntil = 0;
  #rendering = 0;
  #listeners = new Set<() => void>();

  constructor(client: Client, filter: LogFilter) {
    this.#client = client;
    this.filter = filter;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly snapshot = (): LogState => this.state;

  #set(change: Partial<LogState>): void {
    this.state = { ...this.state, ...change };
    this.#lowest = change.rows?.at(-1)?.number ?? this.#lowest;
    for (const listener of this.#listeners) listener();
  }

  /** Reads the newest page, and listens from there on. Called again it goes on from the cursor. */
  async start(): Promise<void> {
    this.#wanted = true;
    if (this.#stop || this.#starting) return;
    this.#starting = true;
    const read = this.state.total !== undefined || (await this.#firstPage());
    this.#starting = false;
    // Left, or paused, meanwhile.
    if (!this.#wanted) return;
    clearTimeout(this.#retry);
    if (!read) {
      this.#retry = setTimeout(() => void this.start(), RETRY_MS);
      return;
    }
    this.#stop = follow({
      document: LogSubscription,
      variables: { filter: liveFilter(this.filter) },
      after: this.#cursor,
      next: ({ webhookRequestUpdated: update }) => {
        this.#cursor = update.cursor;
        this.#waiting.push(update.request);
        this.#flushSoon();
        return update.cursor;
      },
      status: (status) => {
        this.#set({ status });
        if (status === "live" && this.state.olderFailed) void this.older();
      },
      lost: async () => {
        await this.#firstPage();
        return this.#cursor;
      },
    });
  }

  async #firstPage(): Promise<boolean> {
    this.#set({ error: undefined, status: "connecting" });
    const { data, error } = await this.#client
      .query(LogPageQuery, { filter: toInput(this.filter), after: null }, { requestPolicy: "network-only" })
      .toPromise();
    if (!data) {
      this.#set({ error: error ? explain(error) : "No answer", status: "reconnecting" });
      return false;
    }
    this.#cursor = data.liveCursor;
    this.#older = data.webhookRequests.pageInfo.endCursor;
    this.#cut = false;
    const { rows } = merge(
      [],
      data.webhookRequests.edges.map((edge) => edge.node),
      () => true,
    );
    const seen = Number(localStorage.getItem(SEEN) ?? 0);
    const newest = rows[0]?.number ?? 0;
    this.#set({
      rows,
      total: data.webhookRequests.totalCount,
      totalCapped: data.webhookRequests.totalCountCapped,
      hasOlder: data.webhookRequests.pageInfo.hasNextPage,
      olderFailed: false,
      marker: this.state.marker ?? (seen > 0 && seen < newest ? seen : undefined),
    });
    return true;
  }

  /** A burst becomes one render, whatever its size; hidden pages get timers, too. */
  #flushSoon(): void {
    this.#frame ??= setTimeout(this.#flush, Math.max(RENDER_MS, this.#restsUntil - performance.now()));
  }

  #flush = (): void => {
    this.#frame = undefined;
    const begun = performance.now();
    const updates = this.#waiting;
    this.#waiting = [];
    if (this.state.loadingOlder) this.#meanwhile.push(...updates);
    const mine = (row: LogRow) => belongs(this.filter, row);
    // A page of older ones that is on its way goes on from the last row.
    const most = this.state.loadingOlder ? MOST_ROWS : Math.min(MOST_ROWS, Math.max(ROWS_BEHIND, this.inUse + updates.length + PAGE));
    const { rows, above, cut } = merge(this.state.rows, updates, mine, this.#floor(), most);
    if (cut) this.#cut = true;
    this.#set({ rows, above: this.state.above + above, hasOlder: this.state.hasOlder || cut });
    this.#olderWhenNone();
    this.#restsUntil = begun + Math.min(MOST_REST_MS, REST * this.#rendering);
    // A timer that is set in a frame runs when that frame is painted.
    requestAnimationFrame(() => setTimeout(() => (this.#rendering = performance.now() - begun)));
    this.#countAgain();
  };

  /** While there are older pages, the rows below the oldest loaded one are unknown. */
  #floor(): number {
    return this.state.hasOlder ? this.#lowest : Number.NEGATIVE_INFINITY;
  }

  /** The server alone knows how many there are: it is asked soon after a change, and never all the time. */
  #countAgain(): void {
    this.#recount ??= setTimeout(() => void this.#count(), Math.max(RECOUNT_MS, 10 * this.#counted));
  }

  async #count(): Promise<void> {
    const begun = performance.now();
    const { data } = await this.#client.query(TotalQuery, { filter: toInput(this.filter) }, { requestPolicy: "network-only" }).toPromise();
    this.#counted = performance.now() - begun;
    this.#recount = undefined;
    if (data) this.#set({ total: data.webhookRequests.totalCount, totalCapped: data.webhookRequests.totalCountCapped });
    // Without an answer the figure is as old as before: it is asked for until there is one.
    else if (this.#stop) this.#countAgain();
  }

  /** Stops listening; what comes meanwhile is fetched when one resumes. */
  pause(): void {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#stop?.();
    this.#stop = undefined;
    clearTimeout(this.#frame);
    if (this.#waiting.length > 0) this.#flush();
    this.#frame = undefined;
    const newest = this.state.rows[0]?.number;
    if (newest !== undefined) localStorage.setItem(SEEN, String(newest));
    this.#set({ status: "paused", marker: newest ?? this.state.marker });
  }

  /** Takes deleted requests out of the view. */
  remove(ids: readonly string[]): void {
    const rows = this.state.rows.filter((row) => !ids.includes(row.id));
    this.#set({ rows });
    this.#olderWhenNone();
    this.#countAgain();
  }

  /** All that was loaded is gone: what is behind it comes by itself. */
  #olderWhenNone(): void {
    if (this.state.rows.length === 0) void this.older();
  }

  async #olderPage() {
    let after = this.#cut ? null : (this.#older ?? null);
    if (this.#cut && this.state.rows.length > 0) {
      // More than one, for the last may have been deleted since.
      const ids = this.state.rows.slice(-PAGE).map((row) => row.id);
      const place = await this.#client.query(PlaceQuery, { ids }, { requestPolicy: "network-only" }).toPromise();
      if (!place.data) return undefined;
      after = place.data.webhookRequests.pageInfo.endCursor;
    }
    const page = await this.#client
      .query(OlderQuery, { filter: toInput(this.filter), after }, { requestPolicy: "network-only" })
      .toPromise();
    return page.data;
  }

  async older(): Promise<void> {
    if (this.state.loadingOlder || !this.state.hasOlder || this.state.rows.length >= MOST_ROWS) return;
    this.#meanwhile = [];
    this.#set({ loadingOlder: true });
    const data = await this.#olderPage();
    if (!data) {
      this.#set({ loadingOlder: false, olderFailed: true });
      return;
    }
    this.#cut = false;
    this.#older = data.webhookRequests.pageInfo.endCursor;
    const { rows } = merge(
      this.state.rows,
      data.webhookRequests.edges.map((edge) => edge.node),
      () => true,
    );
    this.#set({ rows, loadingOlder: false, olderFailed: false, hasOlder: data.webhookRequests.pageInfo.hasNextPage });
    this.#waiting.unshift(...this.#meanwhile);
    this.#meanwhile = [];
    if (this.#waiting.length > 0) this.#flushSoon();
  }
}

/** The last store of each client: whoever comes back to the same view finds it as it was. */
const kept = new WeakMap<Client, LogStore>();

export function storeFor(client: Client, filter: LogFilter): LogStore {
  const last = kept.get(client);
  if (last && JSON.stringify(last.filter) === JSON.stringify(filter)) return last;
  last?.pause();
  const store = new LogStore(client, filter);
  kept.set(client, store);
  return store;
}
