/** `npx hookline`: serve, and everything a terminal wants of a running server. */
import { Command, InvalidArgumentError } from "commander";
import { accountCommands } from "./cli/account-commands.ts";
import { backupCommands } from "./cli/backup-commands.ts";
import { type Api, connect, hasToken } from "./cli/client.ts";
import { type EmitOptions, emit, emitFile } from "./cli/emit.ts";
import { CliError } from "./cli/fault.ts";
import { examples } from "./cli/output.ts";
import { type ResendOptions, resend, resendRejected } from "./cli/resend.ts";
import { type TailOptions, tail } from "./cli/tail.ts";
import { createToken, type TokenOptions } from "./cli/token.ts";
import { readClientConfig, readConfig } from "./config.ts";
import { VERSION } from "./wire/user-agent.ts";

const out = (text: string): void => void process.stdout.write(`${text}\n`);
const note = (text: string): void => void process.stderr.write(`${text}\n`);
const api = (): Promise<Api> => connect(readClientConfig());

/** A reader that went away (`| head`) is no fault. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const positive = (text: string) => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("a whole number above 0.");
  return Number(text);
};
const collect = (value: string, before: string[] | undefined) => [...(before ?? []), ...value.split(",")];

const program = new Command("hookline")
  .description("Webhooks: ordered, signed, retried, logged, live.")
  .version(VERSION)
  .showHelpAfterError("(--help shows how)")
  .addHelpText(
    "after",
    `
Environment:
  HOOKLINE_URL     the server to talk to (http://127.0.0.1:4000)
  HOOKLINE_TOKEN   an API token; else the one in .data/admin.token, for a server on this machine
  serve, migrate, rekey, forget-secrets, user, sign-in-link, backup and restore read what .env.example lists; a file .env in this folder is read too.`,
  );

program
  .command("serve")
  .description("start the platform: API, dashboard and workers, configured by the environment")
  .addHelpText("after", examples("hookline serve\nHOOKLINE_ROLES=worker DATABASE_URL=postgres://… hookline serve"))
  .action(async () => {
    await import("./main.ts");
  });

program
  .command("migrate")
  .description("apply the pending migrations (the server does so by itself when it starts)")
  .option("--status", "show what is applied and what is pending, and change nothing; exit code 1 while something is pending")
  .option("--json", "as JSON")
  .addHelpText("after", examples("DATABASE_URL=postgres://… hookline migrate\nhookline migrate --status --json"))
  .action(async (options: { status?: true; json?: true }) => {
    if (options.status) {
      const { showMigrations } = await import("./cli/migrations.ts");
      process.exitCode = await showMigrations(readConfig(), options.json === true, out);
      return;
    }
    // Prisma and its engine are loaded only for the commands that need them: the others start in a blink.
    const { applyMigrations } = await import("./cli/database.ts");
    const applied = await applyMigrations(readConfig());
    out(applied.length === 0 ? "nothing to apply" : `applied ${applied.join(", ")}`);
  });

program
  .command("emit")
  .description("send an event")
  .argument("[type]", "event type, such as order.created")
  .option("-e, --entity <name>", "what it happened to: order")
  .option("-i, --entity-id <id>", "its id: 18")
  .option("-p, --payload <json>", "the payload: JSON, @file, or - for standard input")
  .option("-s, --scope <json>", "the scope: JSON")
  .option("-a, --actor <name>", "who did it")
  .option("-k, --idempotency-key <key>", "the same key twice is one event (default: a new one)")
  .option("-f, --file <file>", "one event or an array of them, as POST /v1/events takes it; - for standard input")
  .addHelpText(
    "after",
    examples(`hookline emit order.created --entity order --entity-id 18 --payload '{"total":120}'
hookline emit order.created --payload @order.json
hookline emit --file events.json`),
  )
  .action(async (type: string | undefined, options: EmitOptions & { file?: string }) => {
    if ((type === undefined) === (options.file === undefined))
      throw new CliError("name an event type, or a --file of events: one of the two");
    if (options.file !== undefined) for (const id of await emitFile(await api(), options.file, options.idempotencyKey)) out(id);
    else out(await emit(await api(), type as string, options));
  });

program
  .command("tail")
  .description("follow the live log: a line for each attempt; a lost connection goes on without gap or repeat")
  .option("-d, --definition <code>", "only this webhook definition (code, number or id)")
  .option("-t, --type <type>", "only this event type")
  .option("--entity <name>", "only this entity")
  .option("--entity-id <id>", "only this entity id")
  .option("--state <states>", "only requests in these states: REJECTED,WAITING", collect)
  .option("--after <cursor>", "go on after this cursor")
  .option("--cursor-file <file>", "keep the cursor here, and go on from it the next time")
  .option("-n, --count <lines>", "end after so many lines", positive)
  .option("--json", "a JSON object a line")
  .addHelpText(
    "after",
    examples(`hookline tail
hookline tail --definition orders --state REJECTED
hookline tail --cursor-file .tail-cursor --json | jq .attempt.durationMs`),
  )
  .action(async (options: TailOptions) => {
    const stop = new AbortController();
    // Before it follows there is no cursor to keep, and a server that does not answer is not waited for.
    const following = () => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
    };
    const cursor = await tail(await api(), options, { line: out, note, following }, stop.signal);
    if (cursor !== undefined && options.cursorFile === undefined) note(`go on with: hookline tail --after ${cursor}`);
  });

program
  .command("resend")
  .description("send requests again, before those that wait in their lane")
  .argument("[requests...]", "numbers or ids")
  .option("--force", "also those that were not rejected")
  .option("--rejected", "all rejected ones, narrowed by the options below")
  .option("-d, --definition <code>", "of this webhook definition")
  .option("-t, --type <type>", "of this event type")
  .option("--since <time>", "created since, such as 2026-11-01T08:00:00Z")
  .addHelpText("after", examples("hookline resend 1041\nhookline resend 1041 1042 --force\nhookline resend --rejected --definition orders"))
  .action(async (requests: string[], options: ResendOptions & { rejected?: boolean }) => {
    if (requests.length > 0 === (options.rejected === true))
      throw new CliError("name requests by number or id, or say --rejected: one of the two");
    const server = await api();
    for (const request of requests) {
      const { number, state } = await resend(server, request, options.force === true);
      out(`request ${number}: ${state}`);
    }
    if (options.rejected) out(`${(await resendRejected(server, options)).total} rejected requests are sent again`);
  });

program
  .command("token")
  .description("make an API token, shown once; without any token at hand it is made in the database (DATABASE_URL or the data folder)")
  .argument("<name>", "what it is for")
  .option("-r, --role <role>", "ADMIN, MEMBER or VIEWER", "ADMIN")
  .option("-s, --scope <scopes>", "only these scopes: events:write,webhooks:read", collect)
  .option("--expires <span>", "30d, 12h, a day, or a time with its zone")
  .addHelpText(
    "after",
    examples("hookline token shop --scope events:write --expires 90d\nHOOKLINE_TOKEN=$(hookline token ci --role MEMBER) …"),
  )
  .action(async (name: string, options: TokenOptions) => {
    if (await hasToken(readClientConfig())) return out(await createToken(await api(), name, options));
    const { createTokenDirectly } = await import("./cli/users.ts");
    out(await createTokenDirectly(readConfig(), name, options));
  });

program
  .command("forget-secrets")
  .description("after the master key was lost for good: give up every secret that opens with no key at hand, and make new signing secrets")
  .option("--yes", "do it: what is given up cannot be brought back, not by the lost key either")
  .option("--json", "as JSON")
  .addHelpText("after", examples("HOOKLINE_MASTER_KEY=<new> DATABASE_URL=postgres://… hookline forget-secrets --yes"))
  .action(async ({ yes, json }: { yes?: true; json?: true }) => {
    if (!yes) throw new CliError("this gives secrets up for good: look for the master key first, then say --yes");
    const { forget } = await import("./cli/forget-secrets.ts");
    const { signing, secretKeys, headers } = await forget(readConfig());
    if (json) return out(JSON.stringify({ signing, secretKeys, headers }));
    for (const { code, secret } of signing) out(`${code}\tnew signing secret, shown this once: ${secret}`);
    for (const name of secretKeys) out(`${name}\tsecret key: set it anew`);
    for (const name of headers) out(`${name}\tsecret headers are gone: set them anew`);
    note(`${signing.length + secretKeys.length + headers.length} places changed`);
  });

accountCommands(program, { out, note });
backupCommands(program, { out, note });

program
  .command("rekey")
  .description("seal every stored secret with the first key of HOOKLINE_MASTER_KEY")
  .addHelpText(
    "after",
    `
A key is replaced in three steps, without a stop:
  1. restart every process with the new key first and the old one behind it: HOOKLINE_MASTER_KEY=2:<new>,1:<old>
  2. hookline rekey
  3. restart without the old key`,
  )
  .action(async () => {
    const { rekey } = await import("./cli/database.ts");
    const { changed, current } = await rekey(readConfig());
    out(`${changed} secrets sealed anew, ${current} were already; only the first key is needed now`);
  });

program.parseAsync().catch((error: Error) => {
  note(`hookline: ${withListOfOne(error.message)}`);
  process.exitCode = 1;
});

/** A heading and one line below it stand on one line. */
function withListOfOne(message: string): string {
  const [heading = "", only, ...more] = message.split("\n");
  return heading.endsWith(":") && only !== undefined && more.length === 0 ? `${heading} ${only.trimStart()}` : message;
}
