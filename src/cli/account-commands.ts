/** The commands of users.ts, with their options. Prisma is loaded only when one of them runs. */
import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { examples, type Output } from "./output.ts";
import { readPassword } from "./password.ts";

const ORGANIZATION = ["-o, --organization <name>", "name or id, where several have somebody of that e-mail"] as const;

interface ChangeOptions {
  organization?: string;
  json?: true;
}

interface AddOptions extends ChangeOptions {
  name?: string;
  username?: string;
  role: string;
  generate?: true;
}

export function accountCommands(program: Command, { out, note }: Output): void {
  program
    .command("sign-in-link")
    .description("make a link that signs a browser in to the dashboard: once, within 15 minutes")
    .option("-u, --user <name>", "e-mail or user name (default: the first administrator)")
    .option(...ORGANIZATION)
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline sign-in-link\nhookline sign-in-link --user ada@example.com"))
    .action(async ({ user, organization, json }: { user?: string; organization?: string; json?: true }) => {
      const { signInLink } = await import("./users.ts");
      const link = await signInLink(readConfig(), user, organization);
      out(json ? JSON.stringify(link) : link.url);
    });

  const users = program.command("user").description("people who sign in to the dashboard; works on the database, with or without a server");

  users
    .command("list")
    .description("list the people of every organization")
    .option("--json", "as JSON")
    .action(async ({ json }: { json?: true }) => {
      const { listUsers } = await import("./users.ts");
      const rows = await listUsers(readConfig());
      if (json) return out(JSON.stringify(rows));
      for (const user of rows) {
        out(
          [user.username, user.email, user.role, user.organization, user.hasPassword ? "" : "no password", user.disabled ? "disabled" : ""]
            .filter(Boolean)
            .join("\t"),
        );
      }
    });

  users
    .command("add")
    .description("add somebody, with a password from standard input or typed")
    .argument("<email>", "also the user name, unless --username says another")
    .option("-n, --name <name>", "as others see it (default: the e-mail's first part)")
    .option("--username <name>", "user name")
    .option("-r, --role <role>", "ADMIN, MEMBER or VIEWER", "MEMBER")
    .option("-o, --organization <name>", "name or id (default: the first one)")
    .option("--generate", "make a password, and print it once")
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline user add ada@example.com --role ADMIN\nhookline user add ada@example.com < password.txt"))
    .action(async (email: string, options: AddOptions) => {
      const { addUser, roleOf } = await import("./users.ts");
      roleOf(options.role);
      const config = readConfig();
      const password = await readPassword(options.generate === true);
      const { id } = await addUser(config, { email, ...options, password });
      told({ id, email }, password, options.json, `added ${email}`);
    });

  users
    .command("set-password")
    .description("give somebody a new password; ends their sessions")
    .argument("<user>", "e-mail or user name")
    .option(...ORGANIZATION)
    .option("--generate", "make a password, and print it once")
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline user set-password ada@example.com\nhookline user set-password admin --generate"))
    .action(async (user: string, options: { organization?: string; generate?: true; json?: true }) => {
      const { setPassword } = await import("./users.ts");
      const config = readConfig();
      const password = await readPassword(options.generate === true);
      const { id } = await setPassword(config, user, password, options.organization);
      told({ id, user }, password, options.json, `${user} has a new password`);
    });

  users
    .command("set-role")
    .description("give somebody another role; ends their sessions. The last administrator stays one")
    .argument("<user>", "e-mail or user name")
    .argument("<role>", "ADMIN, MEMBER or VIEWER")
    .option(...ORGANIZATION)
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline user set-role ada@example.com VIEWER"))
    .action(async (user: string, role: string, { organization, json }: ChangeOptions) => {
      const { roleOf, setRole } = await import("./users.ts");
      const known = roleOf(role);
      done({ id: (await setRole(readConfig(), user, known, organization)).id, user }, json, `${user} is ${known} now`);
    });

  for (const [name, disabled, description] of [
    ["disable", true, "let nothing of somebody's be good from now on: no password, no session, no API token"],
    ["enable", false, "let somebody in again who was disabled"],
  ] as const)
    users
      .command(name)
      .description(description)
      .argument("<user>", "e-mail or user name")
      .option(...ORGANIZATION)
      .option("--json", "as JSON")
      .addHelpText("after", examples(`hookline user ${name} ada@example.com`))
      .action(async (user: string, { organization, json }: ChangeOptions) => {
        const { setDisabled } = await import("./users.ts");
        done({ id: (await setDisabled(readConfig(), user, disabled, organization)).id, user }, json, `${user} is ${name}d`);
      });

  users
    .command("delete")
    .description("remove somebody; their sessions and API tokens end with them")
    .argument("<user>", "e-mail or user name")
    .option(...ORGANIZATION)
    .option("--json", "as JSON")
    .addHelpText("after", examples("hookline user delete ada@example.com"))
    .action(async (user: string, { organization, json }: ChangeOptions) => {
      const { removeUser } = await import("./users.ts");
      done({ id: (await removeUser(readConfig(), user, organization)).id, user }, json, `${user} is deleted`);
    });

  function done(result: object, json: true | undefined, sentence: string): void {
    if (json) out(JSON.stringify(result));
    else note(sentence);
  }

  /** A password that was made goes to standard output, alone; everything else is for people. */
  function told(result: object, password: { text: string; made: boolean }, json: true | undefined, sentence: string): void {
    if (json) out(JSON.stringify({ ...result, ...(password.made ? { password: password.text } : {}) }));
    else {
      note(sentence);
      if (password.made) out(password.text);
    }
  }
}
