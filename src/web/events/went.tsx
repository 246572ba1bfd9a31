import { Link } from "react-router";
import { Tag } from "../components/tag.tsx";
import type { EventRow } from "./documents.ts";

/** The requests that an event made, or that nothing wanted it. */
export function Went({ requests }: { requests: EventRow["requests"] }) {
  const rows = requests.edges.map((edge) => edge.node);
  if (rows.length === 0) return <span className="quiet">nowhere: no webhook wanted it</span>;
  return (
    <ul style={{ margin: 0, padding: 0, listStyle: "none", display: "grid", gap: 2 }}>
      {rows.map((row) => (
        <li key={row.id}>
          <Tag kind="request" state={row.state} bare />{" "}
          <Link className="plain" to={`/log/${row.number}`}>
            {row.webhookDefinition.name} <span className="quiet num">#{row.number}</span>
          </Link>
        </li>
      ))}
      {requests.pageInfo.hasNextPage && <li className="quiet">and more</li>}
    </ul>
  );
}
