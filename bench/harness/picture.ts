/** The checks as a picture: how far each is from its bar. */
import { type Check, marginOf, verdictOf } from "./row.ts";

const [WIDTH, LINE, LEFT, SCALE, WIDEST] = [980, 28, 330, 220, 2];
const COLORS = { met: "#2a9d75", missed: "#c94040", "not shown": "#9aa0a6" };

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
export const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

export function picture(checks: readonly (Check & { row: string })[], caption: string): string {
  const bars = checks.map((check, i) => {
    const y = 60 + i * LINE;
    const verdict = verdictOf(check);
    const margin = Number.isFinite(check.value) ? marginOf(check) : 0;
    const width = Math.min(WIDEST, Math.max(0.01, margin)) * SCALE;
    const value = Number.isFinite(check.value) ? `${shown(check.value)}${check.unit ? ` ${check.unit}` : ""}` : "–";
    return [
      `<text x="10" y="${y + 14}">${check.row}  ${escaped(check.name)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(0)}" height="18" rx="3" fill="${COLORS[verdict]}"/>`,
      `<text x="${(LEFT + width + 8).toFixed(0)}" y="${y + 14}">${value} (bar ${check.atLeast ? "≥" : "≤"} ${check.bar}${verdict === "not shown" ? ", not shown" : ""})</text>`,
    ].join("\n");
  });
  const height = 80 + checks.length * LINE;
  const bar = LEFT + SCALE;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="24" font-size="16">Hookline against its bars: a bar that passes the line is better than asked</text>
<text x="10" y="44" fill="#666">${escaped(caption)}</text>
${bars.join("\n")}
<line x1="${bar}" y1="52" x2="${bar}" y2="${height - 16}" stroke="#222" stroke-dasharray="4 3"/>
</svg>
`;
}
