/** @returns the button of the menu that `element` is an item of: the item is gone with its menu, so that the button gets the focus back */
export function menuButtonOf(element: Element | null): HTMLElement | null {
  const id = element?.closest('[role="menu"]')?.getAttribute("aria-labelledby");
  return id ? document.getElementById(id) : null;
}
