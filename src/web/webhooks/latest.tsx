/** What a webhook sent last, and what of it failed, on its page. */
import { Link, useNavigate } from "react-router";
import { Section } from "../components/page.tsx";
import { DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { NO_FILTER, writeFilter } from "../log/filter.ts";
import { Why } from "../request/why.tsx";
import type { DefinitionData } from "./documents.ts";
import classes from "./latest.module.css";

interface LatestProps {
  data: DefinitionData;
  id: string;
}

/** The newest requests that failed and are not delivered since: what happened, in the log's own sentence. */
export function LastErrors({ data, id }: LatestProps) {
  const rows = data.failed.edges.map((edge) => edge.node);
  const all = writeFilter({ ...NO_FILTER, definition: id, states: ["WAITING", "REJECTED"] });
  return (
    <Section title="Last errors" actions={rows.length > 0 && <Link to={`/log?${all}`}>All in the log</Link>}>
      {rows.length === 0 ? (
        <p className="quiet">Nothing waits for a retry, and nothing was rejected.</p>
      ) : (
        <ul className={classes["list"]} aria-label="Last errors">
          {rows.map((row) => (
            <li key={row.id}>
              <div className={classes["head"]}>
                <Link className="plain num" to={`/log/${row.number}`}>
                  #{row.number}
                </Link>
                <span className="mono clip">{row.eventType}</span>
                <span className={`quiet clip ${classes["entity"]}`}>{[row.entity, row.entityId].filter(Boolean).join(" ")}</span>
                <span className="quiet">
                  <Moment at={row.createdAt} />
                </span>
              </div>
              <Why request={row} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

export function LatestDeliveries({ data, id }: LatestProps) {
  const navigate = useNavigate();
  const rows = data.webhookRequests.edges.map((edge) => edge.node);
  return (
    <Section title="Latest deliveries" actions={<Link to={`/log?definition=${id}`}>All in the log</Link>}>
      {rows.length === 0 ? (
        <p className="quiet">Nothing was sent yet. Send a test, or wait for an event that matches.</p>
      ) : (
        <DataTable
          label="Latest deliveries"
          rows={rows}
          keyOf={(row) => row.id}
          open={(row) => navigate(`/log/${row.number}`)}
          columns={[
            { head: "State", width: 120, cell: (row) => <Tag kind="request" state={row.state} bare /> },
            {
              head: "Number",
              width: 90,
              cell: (row) => (
                <Link className="plain num" to={`/log/${row.number}`}>
                  #{row.number}
                </Link>
              ),
            },
            { head: "Event type", cell: (row) => <span className="mono">{row.eventType}</span> },
            { head: "Answer", cell: (row) => row.attempts.edges[0]?.node.statusCode ?? row.attempts.edges[0]?.node.errorCode ?? "" },
            { head: "Created", align: "right", cell: (row) => <Moment at={row.createdAt} /> },
          ]}
        />
      )}
    </Section>
  );
}
