/** What was built aside takes the place of what was there. */
import { rename, rm } from "node:fs/promises";

/** The old one is moved away first, so that there is none for an instant only. Where another process was faster, its own stays. */
export async function moveIntoPlace(aside: string, target: string): Promise<void> {
  const old = `${target}-old-${process.pid}`;
  await rename(target, old).catch(() => undefined);
  await rename(aside, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(aside, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  await rm(old, { recursive: true, force: true });
}
