/** What was sent and what came back, side by side. */
import { Alert } from "@mantine/core";
import { Body } from "../components/code.tsx";
import { CopyButton } from "../components/copy.tsx";
import { formatDuration } from "../components/format.ts";
import { Tag } from "../components/tag.tsx";
import type { AttemptDetail } from "./documents.ts";
import classes from "./exchange.module.css";
import { saysMore } from "./sentence.ts";

type HeaderMap = Record<string, string | string[]>;

function Headers({ headers, label }: { headers: unknown; label: string }) {
  const entries = Object.entries((headers ?? {}) as HeaderMap).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)] as const),
  );
  if (entries.length === 0) return <p className="quiet">No headers</p>;
  return (
    <div className={classes["headers"]}>
      <span className={classes["copy"]}>
        <CopyButton text={entries.map(([name, value]) => `${name}: ${value}`).join("\n")} label={`Copy the ${label} headers`} />
      </span>
      <details open={entries.length <= 12}>
        <summary>{entries.length} headers</summary>
        <dl>
          {entries.map(([name, value]) => (
            <div key={`${name}: ${value}`}>
              <dt className="mono">{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

/** The same call for a terminal; headers that are masked stay masked. */
function curl(attempt: AttemptDetail, body: string | null): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const headers = Object.entries((attempt.requestHeaders ?? {}) as HeaderMap).map(
    ([name, value]) => `  -H ${quote(`${name}: ${String(value)}`)}`,
  );
  return [`curl -X POST ${quote(attempt.requestUrl)}`, ...headers, ...(body === null ? [] : [`  --data-binary ${quote(body)}`])].join(
    " \\\n",
  );
}

/** With what is odd about it: a body that was not read looks like none. */
export function ReplyBody({ attempt }: { attempt: Pick<AttemptDetail, "responseBody" | "warning"> }) {
  const { responseBody, warning } = attempt;
  return (
    <>
      {warning !== null && (
        <Alert variant="light" color="yellow" mb="xs" p="xs">
          {warning}
        </Alert>
      )}
      <Body
        text={responseBody}
        label="response body"
        empty={warning === null ? "The reply had no body." : "No body of the reply is kept."}
      />
    </>
  );
}

export function Exchange({ attempt, firstBody }: { attempt: AttemptDetail; firstBody: string | null }) {
  const body = attempt.requestBody ?? firstBody;
  return (
    <div className={classes["pair"]}>
      <section className={classes["side"]} aria-labelledby="sent">
        <h3 className={classes["title"]} id="sent">
          Sent
          <CopyButton text={curl(attempt, body)} label="Copy as curl" />
        </h3>
        <p className={`mono ${classes["url"]}`}>POST {attempt.requestUrl}</p>
        <Headers headers={attempt.requestHeaders} label="request" />
        <Body text={body} label="request body" />
      </section>
      <section className={classes["side"]} aria-labelledby="received">
        <h3 className={classes["title"]} id="received">
          Received
          <span className="quiet num">{formatDuration(attempt.durationMs)}</span>
        </h3>
        {attempt.statusCode === null ? (
          <div className={classes["none"]}>
            <Tag kind="outcome" state={attempt.outcome} />
            <p>
              <span className="mono">{attempt.errorCode}</span> {attempt.errorDescription}
            </p>
          </div>
        ) : (
          <>
            <p className={`num ${classes["url"]}`}>
              HTTP {attempt.statusCode} {saysMore(attempt.errorDescription) && <span className="quiet">{attempt.errorDescription}</span>}
            </p>
            <Headers headers={attempt.responseHeaders} label="response" />
            <ReplyBody attempt={attempt} />
            {attempt.responseTruncated && (
              <Alert variant="light" color="yellow" mt="xs" p="xs">
                The reply was longer than 64 KiB; only its beginning is kept.
              </Alert>
            )}
          </>
        )}
      </section>
    </div>
  );
}
