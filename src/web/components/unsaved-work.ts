/** What is typed on the page and not saved. Kept outside of React: a form settles and its page is left in one breath, without a render between. */
export interface Work {
  unsaved: boolean;
}

/** Of every form on the page. */
export const open = new Set<Work>();

export const hasUnsaved = (): boolean => [...open].some((work) => work.unsaved);
