/** The token of a link, or of the API, is traded for the cookies of a session. */

export interface Refusal {
  /** Nobody has judged the token, which may be good still. */
  later: boolean;
  /** A sentence for whoever tried. */
  message: string;
}

/** What says that somebody may try again, with the same. */
const LATER = new Set([408, 425, 429]);

/** @returns why not; nothing when the session has begun */
export async function trade(path: "/sign-in-link" | "/sign-in-token" | "/portal/sign-in", token: string): Promise<Refusal | undefined> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ token }) }).catch(() => undefined);
  if (response?.ok) return undefined;
  if (!response || response.status >= 500) return { later: true, message: "The server cannot be reached. Try again in a moment." };
  const { detail = "this could not be used" } = (await response.json().catch(() => ({}))) as { detail?: string };
  return { later: LATER.has(response.status), message: `${detail.replace(/^./, (first) => first.toUpperCase())}.` };
}
