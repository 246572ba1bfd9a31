/** Newer and older rows of a list that is read backwards, a page of the server's at a time. */
import { Button } from "@mantine/core";

interface PagerProps {
  /** The cursor that is shown; null: the newest. */
  after: string | null;
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  setAfter: (after: string | null) => void;
  /** What leads to older rows. */
  older?: string;
}

export function Pager({ after, pageInfo, setAfter, older = "Older" }: PagerProps) {
  return (
    <div style={{ display: "flex", gap: 8, marginTop: 12 }}>
      {after !== null && (
        <Button variant="default" onClick={() => setAfter(null)}>
          Newest
        </Button>
      )}
      {pageInfo.hasNextPage && (
        <Button variant="default" onClick={() => setAfter(pageInfo.endCursor)}>
          {older}
        </Button>
      )}
    </div>
  );
}
