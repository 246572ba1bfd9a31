/** Why a database cannot be used as it is: one sentence that names the place and the mend. Trying again does not help. */
export class DatabaseRefusal extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "DatabaseRefusal";
  }
}
