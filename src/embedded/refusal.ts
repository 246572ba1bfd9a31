/** Why the embedded Postgres cannot be started: one message that says what is wrong and what to do. Nothing was changed. */
export class EmbeddedError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "EmbeddedError";
  }
}

/** Another process owns the data folder. */
export class AlreadyRunningError extends EmbeddedError {
  constructor(message: string) {
    super(message);
    this.name = "AlreadyRunningError";
  }
}
