/** `hookline forget-secrets`: the way on after the master key was lost for good. */
import type { Config } from "../config.ts";
import { keepKey, masterKeys } from "../db/keys.ts";
import { type Forgotten, forgetSecrets } from "../definitions/forget-secrets.ts";
import { createVault } from "../vault.ts";
import { withCore } from "./direct.ts";

/** With the keys at hand; the embedded Postgres gets a new one when there is none. */
export function forget(config: Readonly<Config>): Promise<Forgotten> {
  return withCore(config, "forget-secrets", async (core) => {
    const keys = await masterKeys(config);
    const forgotten = await forgetSecrets({ ...core, vault: createVault(keys) });
    await keepKey(config, keys);
    return forgotten;
  });
}
