/**
 * The live log behind the page: first page, older pages, live updates, pause and resume. It outlives the page, so that
 * coming back from a request goes on where one left off, from the cursor, with a marker.
 */
import type { Client } from "urql";
import { explain } from "../graphql/client.ts";
import { follow, type LiveStatus } from "../graphql/live.ts";
import { LogPageQuery, type LogRow, LogSubscription, OlderQuery } from "./documents.ts";
import { type LogFilter, liveFilter, toInput } from "./filter.ts";
import { MOST_ROWS, merge } from "./rows.ts";

export interface LogState {
  rows: LogRow[];
  status: LiveStatus;
  /** Undefined until the first page is there. */
  total: number | undefined;
  error: string | undefined;
  loadingOlder: boolean;
  hasOlder: boolean;
  /** The newest number one had seen when one paused or left: the marker stands above it. */
  marker: number | undefined;
  /** Rows added on top since the store began: the view moves along by the difference. */
  above: number;
}

const SEEN = "hookline.log.seen";

export class LogStore {
  state: LogState = {
    rows: [],
    status: "connecting",
    total: undefined,
    error: undefined,
    loadingOlder: false,
    hasOlder: false,
    marker: undefined,
    above: 0,
  };
  /** Where the view was, for coming back. */
  scrollTop = 0;
  readonly filter: LogFilter;
  #client: Client;
  #cursor: string | undefined;
  #older: string | null | undefined;
  #stop: (() => void) | undefined;
  #waiting: LogRow[] = [];
  #frame: ReturnType<typeof setTimeout> | undefined;
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
    for (const listener of this.#listeners) listener();
  }

  #belongs = (row: LogRow): boolean => {
    const { states } = this.filter;
    return states.length === 0 || states.includes(row.state);
  };

  /** Reads the newest page, and listens from there on. Called again it goes on from the cursor. */
  async start(): Promise<void> {
    if (this.#stop) return;
    if (this.state.total === undefined && !(await this.#firstPage())) return;
    if (this.#stop) return;
    this.#stop = follow({
      document: LogSubscription,
      variables: { filter: liveFilter(this.filter) },
      after: this.#cursor,
      next: ({ webhookRequestUpdated: update }) => {
        this.#cursor = update.cursor;
        this.#waiting.push(update.request);
        // A burst becomes one render per frame or two, whatever its size; hidden pages get timers, too.
        this.#frame ??= setTimeout(this.#flush, 33);
        return update.cursor;
      },
      status: (status) => this.#set({ status }),
      lost: () => void this.#firstPage(),
    });
  }

  async #firstPage(): Promise<boolean> {
    this.#set({ error: undefined, status: "connecting" });
    const { data, error } = await this.#client
      .query(LogPageQuery, { filter: toInput(this.filter), after: null }, { requestPolicy: "network-only" })
      .toPromise();
    if (!data) {
      this.#set({ error: error ? explain(error) : "No answer" });
      return false;
    }
    this.#cursor = data.liveCursor;
    this.#older = data.webhookRequests.pageInfo.endCursor;
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
      hasOlder: data.webhookRequests.pageInfo.hasNextPage,
      marker: this.state.marker ?? (seen > 0 && seen < newest ? seen : undefined),
    });
    return true;
  }

  #flush = (): void => {
    this.#frame = undefined;
    const updates = this.#waiting;
    this.#waiting = [];
    const { rows, above } = merge(this.state.rows, updates, this.#belongs);
    const grown = rows.length - this.state.rows.length;
    this.#set({ rows, above: this.state.above + above, total: Math.max((this.state.total ?? 0) + grown, rows.length) });
  };

  /** Stops listening; what comes meanwhile is fetched when one resumes. */
  pause(): void {
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
    this.#set({ rows, total: Math.max(0, (this.state.total ?? 0) - (this.state.rows.length - rows.length)) });
  }

  async older(): Promise<void> {
    if (this.state.loadingOlder || !this.state.hasOlder || this.state.rows.length >= MOST_ROWS) return;
    this.#set({ loadingOlder: true });
    const { data, error } = await this.#client
      .query(OlderQuery, { filter: toInput(this.filter), after: this.#older ?? null }, { requestPolicy: "network-only" })
      .toPromise();
    if (!data) {
      this.#set({ loadingOlder: false, error: error ? explain(error) : "No answer" });
      return;
    }
    this.#older = data.webhookRequests.pageInfo.endCursor;
    const { rows } = merge(
      this.state.rows,
      data.webhookRequests.edges.map((edge) => edge.node),
      () => true,
    );
    this.#set({ rows, loadingOlder: false, error: undefined, hasOlder: data.webhookRequests.pageInfo.hasNextPage });
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
