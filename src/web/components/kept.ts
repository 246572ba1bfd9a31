/** What a person keeps in this browser (localStorage): hooks hear of it when it is written here, or in another tab. */
const listeners = new Set<() => void>();

/** As `useSyncExternalStore` takes it. */
export function onKept(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

export function keep(key: string, text: string): void {
  localStorage.setItem(key, text);
  for (const listener of listeners) listener();
}
