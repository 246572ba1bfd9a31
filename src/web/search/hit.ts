/** What the box may offer, and how well a text fits it. Pure. */

export interface Hit {
  key: string;
  group: "Found" | "Webhooks" | "Saved views" | "Pages" | "Actions" | "Look in";
  title: string;
  /** What kind it is, or more of it, beside the title. */
  note?: string;
  /** Found by these words too. */
  also?: string;
  run: () => void;
}

/** How well: the whole text, its beginning, a word's beginning, somewhere; 0: not at all. */
function closeness(text: string, wanted: string): number {
  const at = text.toLowerCase().indexOf(wanted);
  if (at < 0) return 0;
  if (text.length === wanted.length) return 4;
  if (at === 0) return 3;
  return /\W/.test(text[at - 1] ?? "") ? 2 : 1;
}

/** Every word must stand in a hit; the best come first, and of equals as they stood. */
export function fitting(hits: readonly Hit[], text: string): Hit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...hits];
  return hits
    .map((hit) => {
      const fits = words.map((word) =>
        Math.max(closeness(hit.title, word), closeness(hit.note ?? "", word) / 2, closeness(hit.also ?? "", word) / 2),
      );
      return { hit, score: fits.includes(0) ? 0 : fits.reduce((sum, each) => sum + each, 0) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ hit }) => hit);
}

/** `14`, `#14`: a request's number as people quote it. */
export const numberIn = (text: string): number | undefined => {
  const digits = /^#?(\d{1,15})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

export const isId = (text: string): boolean => /^[a-z]{3}_[0-9a-f]{32}$/.test(text);
/** With a dot in it, as nearly all have. */
export const isTypePattern = (text: string): boolean => /^[\w-]+\.(\*|[\w.-]+)$/.test(text);
