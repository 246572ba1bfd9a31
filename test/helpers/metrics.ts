/** The text that Prometheus scrapes, read as Prometheus reads it. */
export interface ShownMetric {
  help: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}
/** By the name of the metric: a histogram's samples stand under its own. */
export type Shown = Map<string, ShownMetric>;

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/** @throws Error for a line that is none of the format's */
export function parseMetrics(text: string): Shown {
  const shown: Shown = new Map();
  const metric = (name: string) => {
    const found = shown.get(name) ?? { help: "", type: "untyped", samples: [] };
    shown.set(name, found);
    return found;
  };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const meta = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line);
    if (meta) {
      metric(meta[2] as string)[meta[1] === "HELP" ? "help" : "type"] = meta[3] as string;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (!sample) throw new Error(`no line of the format: ${line}`);
    const [, name, labels = "", value] = sample as unknown as [string, string, string | undefined, string];
    const base = name.replace(/_(bucket|sum|count)$/, "");
    metric(shown.get(base)?.type === "histogram" ? base : name).samples.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]])),
      value: Number(value),
    });
  }
  return shown;
}

/** The value of the sample with these labels; undefined when there is none. */
export const figureOf = (shown: Shown, name: string, labels: Record<string, string> = {}): number | undefined =>
  shown.get(name)?.samples.find((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))?.value;
