/** What the server wrote into the head of this page. Undefined: nothing of that name. */
export const meta = (name: string): string | undefined => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** As the page's reader knows it: the portal has its owner's name, where there is one. */
export const product = (): string => meta("portal-name") ?? "Hookline";
