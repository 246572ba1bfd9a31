/** What a list or page shows while it has nothing to show: loading, failed, empty. */
import { Button, Skeleton, Stack } from "@mantine/core";
import { type Icon, IconCloudOff, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { CombinedError } from "urql";
import { explain } from "../graphql/client.ts";
import { formatCount } from "./format.ts";
import classes from "./states.module.css";

export function LoadingRows({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap={14} py="md" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: nothing else tells them apart
        <Skeleton key={row} height={14} width={`${92 - ((row * 17) % 38)}%`} radius="sm" />
      ))}
    </Stack>
  );
}

export function Failed({ error, retry }: { error: CombinedError | string; retry?: (() => void) | undefined }) {
  return (
    <div className={classes["state"]} role="alert">
      <IconCloudOff size={26} stroke={1.5} aria-hidden />
      <p className={classes["title"]}>This could not be loaded</p>
      <p className={classes["text"]}>{typeof error === "string" ? error : explain(error)}</p>
      {retry && (
        <Button variant="default" leftSection={<IconRefresh size={15} />} onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

export function Empty({ icon: Picture, title, children, action }: { icon: Icon; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={classes["state"]}>
      <Picture size={26} stroke={1.5} aria-hidden />
      <p className={classes["title"]}>{title}</p>
      {children && <p className={classes["text"]}>{children}</p>}
      {action}
    </div>
  );
}

interface Part {
  error?: CombinedError | undefined;
  /** How many are shown of more. */
  cut?: number | undefined;
}

/** Says of what is shown that it is not all there is; else nothing. */
export function Partly({ of: { error, cut }, retry }: { of: Part; retry?: (() => void) | undefined }) {
  if (!error && cut === undefined) return null;
  return (
    <p className="quiet" role="alert">
      {error ? `Not all of it could be loaded. ${explain(error)}` : `These are the newest ${formatCount(cut ?? 0)}; there are more.`}{" "}
      {error && retry && (
        <Button size="compact-xs" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </p>
  );
}

interface Answer<Data> extends Part {
  data?: Data | undefined;
  fetching: boolean;
}

/** Shows the data once there is some (also while it is asked for anew, or when a part of it failed), else how it stands. */
export function Loaded<Data>({
  of,
  retry,
  rows,
  children,
}: {
  of: Answer<Data>;
  retry?: () => void;
  rows?: number;
  children: (data: Data) => ReactNode;
}) {
  if (of.data)
    return (
      <>
        <Partly of={of} retry={retry} />
        {children(of.data)}
      </>
    );
  if (of.error) return <Failed error={of.error} retry={retry} />;
  return <LoadingRows {...(rows === undefined ? {} : { rows })} />;
}
