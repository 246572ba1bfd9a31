/** Contrast by WCAG 2. Colours are `#rrggbb`. */

const BLACK = "#000000";
const WHITE = "#ffffff";

/** 0 (black) to 1 (white). */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Black or white, whichever is read better on it: the contrast is never below 4.58. */
export const textOn = (color: string): string => (contrast(color, BLACK) >= contrast(color, WHITE) ? BLACK : WHITE);
