/** The bars as a picture: how far each is over or under its line. */
import type { Row } from "./rows.ts";

const [WIDTH, LINE, LEFT, SCALE] = [860, 34, 290, 180];

export const holds = (row: Row): boolean => (row.atLeast ? row.value >= row.limit : row.value <= row.limit);

/** 1 = exactly at the bar; more is better, whichever way the bar points. */
export const margin = (row: Row): number => (row.atLeast ? row.value / row.limit : row.limit / row.value);

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function picture(rows: readonly Row[]): string {
  const bars = rows.map((row, i) => {
    const y = 50 + i * LINE;
    const width = Math.min(2.4, margin(row)) * SCALE;
    return [
      `<text x="10" y="${y + 14}">${row.bar}  ${escaped(row.what)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(0)}" height="20" rx="3" fill="${holds(row) ? "#2a9d75" : "#c94040"}"/>`,
      `<text x="${(LEFT + width + 8).toFixed(0)}" y="${y + 14}">${row.value.toFixed(2)} (bar ${row.atLeast ? "≥" : "≤"} ${row.limit})</text>`,
    ].join("\n");
  });
  const height = 70 + rows.length * LINE;
  const bar = LEFT + SCALE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="26" font-size="16">Hookline against its bars (right of the line is better)</text>
${bars.join("\n")}
<line x1="${bar}" y1="40" x2="${bar}" y2="${height - 20}" stroke="#222" stroke-dasharray="4 3"/>
</svg>
`;
}
