/** The far end of `Program.ask`, for programs that process.ts starts. Until its first message the program is not ready. */
export function answering<Question>(answer: (question: Question) => Promise<unknown>): void {
  process.on("message", (question: Question) => {
    answer(question).then(
      (ok) => process.send?.({ ok }),
      (error: Error) => process.send?.({ error: error.stack ?? error.message }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ ok: {} });
}
