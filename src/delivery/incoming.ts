/** What has come of one reply so far, and what it amounts to if it ends here. Pure. */
import type { Answer, NoReply, Reply } from "../wire/dialect.ts";
import { type Come, invalid } from "./failure.ts";
import { HeadWatch } from "./head-watch.ts";
import { ReplyReader } from "./reply.ts";

/** 1xx answers before the real one; a receiver that sends more is no HTTP server. */
const MAX_INTERIM = 16;

export class Incoming {
  /** Fed by the connection until the head is complete. */
  readonly watch = new HeadWatch();
  readonly #reply = new ReplyReader();
  #interim = 0;

  /** A head, real or interim. @returns why the reply cannot be used */
  start(status: number, headers: Record<string, string | string[] | undefined>): NoReply | undefined {
    if (status >= 200 && status <= 599) {
      this.#reply.head(status, headers);
      return undefined;
    }
    this.#interim += 1;
    if (status < 100 || status > 599) return invalid("the reply's status is outside 100–599");
    if (status === 101) return invalid("the receiver switched protocols unasked");
    if (this.#interim > MAX_INTERIM) return invalid(`more than ${MAX_INTERIM} interim answers`);
    this.watch.next();
    return undefined;
  }

  /** @returns the reply, when no more of it is kept */
  add(chunk: Buffer): Reply | undefined {
    return this.#reply.add(chunk) ? undefined : this.#reply.done(true);
  }

  /** Its end has come. */
  whole(): Reply {
    return this.#reply.done(false);
  }

  /** The receiver will close the connection after it. */
  get closes(): boolean {
    return this.#reply.closes;
  }

  get hasHead(): boolean {
    return this.#reply.hasHead;
  }

  get come(): Come {
    return { bytes: this.watch.length, head: this.#reply.hasHead, contradiction: this.watch.contradiction };
  }

  /** Behind a whole head it is a reply that broke off; before that the status that came goes into the log. */
  broken(fault: NoReply): Answer {
    if (this.#reply.hasHead) return this.#reply.brokenBy(fault);
    const { status } = this.watch;
    return status === undefined ? fault : { ...fault, status };
  }
}
