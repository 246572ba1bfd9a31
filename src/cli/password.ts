/** A password from a person or a pipe: never from an argument, which every user of the machine could read. */
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { CliError } from "./fault.ts";

const ENTER = /[\r\n]/;
const CTRL_C = "\u0003";
const BACKSPACE = /[\b\u007f]/;

/** Reads a line from the terminal without showing it. */
function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    let typed = "";
    const end = () => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off("data", read);
      stderr.write("\n");
    };
    const read = (chunk: string) => {
      for (const key of chunk) {
        if (key === CTRL_C) {
          end();
          return reject(new CliError("nothing was changed"));
        }
        if (ENTER.test(key)) {
          end();
          return resolve(typed);
        }
        typed = BACKSPACE.test(key) ? typed.slice(0, -1) : typed + key;
      }
    };
    stdin.on("data", read);
    stdin.resume();
  });
}

export interface Password {
  text: string;
  /** Made here: to be shown once. */
  made: boolean;
}

/** Typed twice on a terminal, else the first line of standard input; or made. */
export async function readPassword(generate: boolean): Promise<Password> {
  if (generate) return { text: randomBytes(18).toString("base64url"), made: true };
  if (process.stdin.isTTY) {
    const first = await ask("Password: ");
    if (first !== (await ask("Once more: "))) throw new CliError("the two passwords differ; nothing was changed");
    return { text: first, made: false };
  }
  const line = (await text(process.stdin)).split(/\r?\n/)[0] ?? "";
  if (line === "") throw new CliError("no password on standard input: pipe one in, or say --generate");
  return { text: line, made: false };
}
