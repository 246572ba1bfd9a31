/** What the organization uses of what it may use, as bars. */
import { formatCount } from "../components/format.ts";
import type { OrganizationData } from "./documents.ts";
import classes from "./usage.module.css";

const NAMES = {
  eventsPerSecond: "Events a second",
  definitions: "Webhooks",
  queuedRequests: "Requests in the queue",
  storedBytes: "Stored",
  subscriptions: "Open live connections",
} as const;
type Name = keyof typeof NAMES;

const UNITS = ["B", "kB", "MB", "GB", "TB"];

function inBytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power > 0 && scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[power]}`;
}

const amount = (name: Name, value: number): string => (name === "storedBytes" ? inBytes(value) : formatCount(value));

export function Usage({ organization: { quotas, usage } }: { organization: OrganizationData }) {
  return (
    <ul className={classes["list"]}>
      {(Object.keys(NAMES) as Name[]).map((name) => {
        const [used, most] = [usage[name], quotas[name]];
        const share = most === 0 ? 1 : Math.min(1, used / most);
        const words = `${amount(name, used)} of ${amount(name, most)}`;
        return (
          <li key={name}>
            <span className={classes["words"]}>
              <span>{NAMES[name]}</span>
              <span className="num quiet">{words}</span>
            </span>
            <meter
              className={classes["meter"]}
              data-tone={share >= 1 ? "bad" : share >= 0.8 ? "warn" : "ok"}
              min={0}
              max={1}
              value={share}
              aria-label={`${NAMES[name]}: ${words}`}
            />
          </li>
        );
      })}
    </ul>
  );
}
