/** The code blocks of docs/subscriptions.md as files that run: each begins with its name, and asks for hooks.example.com. */
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PAGE = path.resolve("docs/subscriptions.md");

/** By name, such as `apollo.mjs`. */
export function blocksOfPage(): Map<string, string> {
  const blocks = readFileSync(PAGE, "utf8").matchAll(/^```js\n\/\/ (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, name, code]) => [name as string, code as string]));
}

/** With the address and the token of this server, and nothing else changed. @param url `http://127.0.0.1:<port>` */
export function filledIn(code: string, url: string, token: string): string {
  return code
    .replaceAll("https://hooks.example.com", url)
    .replaceAll("wss://hooks.example.com", url.replace("http", "ws"))
    .replaceAll("hkl_your_token", token);
}

/** A folder with every block in it, and the packages of this repository. */
export function writeBlocks(url: string, token: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline-page-"));
  symlinkSync(path.resolve("node_modules"), path.join(folder, "node_modules"));
  for (const [name, code] of blocksOfPage()) writeFileSync(path.join(folder, name), filledIn(code, url, token));
  mkdirSync(path.join(folder, "__generated__"));
  writeFileSync(
    path.join(folder, "__generated__/DeliveriesSubscription.graphql.mjs"),
    `export default ${JSON.stringify(relayArtefact())};\n`,
  );
  return folder;
}

/** What relay-compiler 21 makes of the page's operation. */
function relayArtefact(): object {
  const name = "DeliveriesSubscription";
  const text = /```graphql\n(subscription DeliveriesSubscription.*?)```/s.exec(readFileSync(PAGE, "utf8"))?.[1];
  const scalar = (field: string) => ({ alias: null, args: null, kind: "ScalarField", name: field, storageKey: null });
  const linked = (field: string, concreteType: string, selections: object[]) => ({
    ...{ alias: null, args: null as object[] | null, concreteType, kind: "LinkedField", name: field, plural: false, selections },
    storageKey: null,
  });
  const request = linked("request", "WebhookRequest", ["id", "number", "state"].map(scalar));
  const update = linked("webhookRequestUpdated", "WebhookRequestUpdate", [scalar("cursor"), request]);
  update.args = [{ kind: "Variable", name: "after", variableName: "after" }];
  const argumentDefinitions = [{ defaultValue: null, kind: "LocalArgument", name: "after" }];
  return {
    fragment: {
      argumentDefinitions,
      kind: "Fragment",
      metadata: null,
      name,
      selections: [update],
      type: "Subscription",
      abstractKey: null,
    },
    kind: "Request",
    operation: { argumentDefinitions, kind: "Operation", name, selections: [update] },
    params: { cacheID: name, id: null, metadata: {}, name, operationKind: "subscription", text },
  };
}
