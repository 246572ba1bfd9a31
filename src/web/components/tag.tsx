/** A state as icon and word. Never colour alone: a third of the signal is left for whoever sees no hues. */
import {
  type Icon,
  IconAlertTriangle,
  IconArrowUpRight,
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconClock,
  IconHandStop,
  IconPlayerPause,
  IconPlayerSkipForward,
  IconPlayerStop,
  IconPlugConnectedX,
  IconX,
} from "@tabler/icons-react";
import classes from "./tag.module.css";

export type Tone = "ok" | "warn" | "bad" | "busy" | "mute";

interface Look {
  tone: Tone;
  word: string;
  icon: Icon;
  /** What it means, on hover. */
  hint?: string;
}

export const LOOKS = {
  request: {
    PENDING: { tone: "mute", word: "Pending", icon: IconCircleDashed, hint: "Queued in its lane" },
    SENDING: { tone: "busy", word: "Sending", icon: IconArrowUpRight, hint: "On its way now" },
    WAITING: { tone: "warn", word: "Waiting", icon: IconClock, hint: "Failed; will be tried again" },
    DELIVERED: { tone: "ok", word: "Delivered", icon: IconCheck, hint: "The receiver accepted it" },
    REJECTED: { tone: "bad", word: "Rejected", icon: IconX, hint: "Failed for good" },
    SKIPPED: { tone: "mute", word: "Skipped", icon: IconPlayerSkipForward, hint: "Passed over by an operator or its transformation" },
    CANCELLED: { tone: "mute", word: "Cancelled", icon: IconBan, hint: "Called off before it was sent" },
  },
  outcome: {
    DELIVERED: { tone: "ok", word: "Delivered", icon: IconCheck },
    REJECTED: { tone: "bad", word: "Rejected", icon: IconX, hint: "An answer that is no success" },
    TIMED_OUT: { tone: "bad", word: "Timed out", icon: IconClock, hint: "No answer within the timeout" },
    REFUSED: { tone: "bad", word: "Refused", icon: IconPlugConnectedX, hint: "No answer: DNS, connection or TLS" },
    BLOCKED: { tone: "bad", word: "Blocked", icon: IconHandStop, hint: "Our own guard does not call this address" },
    INTERRUPTED: { tone: "mute", word: "Interrupted", icon: IconPlayerStop, hint: "The worker went away; does not count as a try" },
  },
  lane: {
    IDLE: { tone: "mute", word: "Idle", icon: IconCheck, hint: "Nothing to send" },
    READY: { tone: "busy", word: "Ready", icon: IconCircleDashed, hint: "Waits for a free worker" },
    LEASED: { tone: "busy", word: "Sending", icon: IconArrowUpRight, hint: "A worker is at it" },
    WAITING: { tone: "warn", word: "Waiting", icon: IconClock, hint: "The head failed and is tried again later" },
    BLOCKED: { tone: "bad", word: "Blocked", icon: IconHandStop, hint: "The head failed for good; someone must decide" },
    PAUSED: { tone: "mute", word: "Paused", icon: IconPlayerPause, hint: "Held by an operator or a stopped webhook" },
  },
  definition: {
    ACTIVE: { tone: "ok", word: "Active", icon: IconCheck },
    STOPPED: { tone: "mute", word: "Stopped", icon: IconPlayerPause, hint: "Takes no new events" },
    TOO_MANY_ERRORS: { tone: "bad", word: "Too many errors", icon: IconAlertTriangle, hint: "Stopped by itself" },
  },
  goal: {
    GREEN: { tone: "ok", word: "On target", icon: IconCheck },
    AMBER: { tone: "warn", word: "Between", icon: IconAlertTriangle },
    RED: { tone: "bad", word: "Off target", icon: IconX },
    NONE: { tone: "mute", word: "No status", icon: IconCircleDashed },
  },
} as const satisfies Record<string, Record<string, Look>>;

type Looks = typeof LOOKS;

export function Tag<Kind extends keyof Looks>({
  kind,
  state,
  bare,
  word,
}: {
  kind: Kind;
  state: keyof Looks[Kind] & string;
  bare?: boolean;
  word?: string;
}) {
  const look = LOOKS[kind][state] as Look;
  return (
    <span className={bare ? classes["bare"] : classes["tag"]} data-tone={look.tone} data-state={state} title={look.hint}>
      <look.icon size={13} stroke={2.4} aria-hidden />
      {word ?? look.word}
    </span>
  );
}

export function Chip({ tone, children, title }: { tone: Tone; children: React.ReactNode; title?: string }) {
  return (
    <span className={classes["tag"]} data-tone={tone} title={title}>
      {children}
    </span>
  );
}
