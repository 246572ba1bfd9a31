/** How this installation names itself to receivers. */
import manifest from "../../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
export const USER_AGENT = `Hookline/${VERSION}`;
