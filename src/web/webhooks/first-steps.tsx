/** After a webhook was made: its secret, once, and what is left to do until it delivers. */
import { Button } from "@mantine/core";
import { IconCircle, IconCircleCheck } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { useQuery } from "urql";
import { useEvery } from "../components/clock.ts";
import { ShownOnce } from "../components/copy.tsx";
import { graphql } from "../graphql/tada.ts";
import type { Definition } from "./documents.ts";
import classes from "./first-steps.module.css";
import { TestButton } from "./send-test.tsx";

const FirstRequests = graphql(`
  query FirstRequests($id: ID!) {
    webhookRequests(first: 20, filter: { webhookDefinitionId: $id, state: [DELIVERED] }) {
      edges {
        node {
          id
          isTest
        }
      }
    }
  }
`);
const EVERY_MS = 2_000;

export interface Created {
  definition: Definition;
  /** Null: it is not signed with a secret. */
  secret: string | null;
}

function Step({ done, children }: { done: boolean; children: React.ReactNode }) {
  const Picture = done ? IconCircleCheck : IconCircle;
  return (
    <li data-done={done || undefined}>
      <Picture size={18} aria-label={done ? "done" : "to do"} role="img" />
      <span>{children}</span>
    </li>
  );
}

export function FirstSteps({ created, close }: { created: Created; close: () => void }) {
  const { definition, secret } = created;
  const [kept, setKept] = useState(secret === null);
  const [{ data }, again] = useQuery({ query: FirstRequests, variables: { id: definition.id }, requestPolicy: "network-only" });
  const look = useCallback(() => again({ requestPolicy: "network-only" }), [again]);
  useEvery(EVERY_MS, look);
  const delivered = data?.webhookRequests.edges.map((edge) => edge.node) ?? [];
  const tested = delivered.some((request) => request.isTest);
  const real = delivered.some((request) => !request.isTest);
  return (
    <section className={classes["frame"]} aria-label={`First steps with ${definition.name}`}>
      {!kept && secret !== null && (
        <ShownOnce title={`Signing secret of ${definition.name}`} text={secret} label="Copy the signing secret">
          The receiver verifies with it that a call comes from here. Copy it now: it is not shown again.{" "}
          <button type="button" className={classes["link"]} onClick={() => setKept(true)}>
            I have it
          </button>
        </ShownOnce>
      )}
      <ol className={classes["steps"]}>
        <Step done={kept}>{secret === null ? "It is not signed with a secret" : "Give the signing secret to the receiver"}</Step>
        <Step done={tested}>
          Send a test, and see it answered with success <TestButton definition={definition} sent={look} size="xs" />
        </Step>
        <Step done={real}>
          {definition.eventTypes.length === 0
            ? "Let a workflow rule trigger it"
            : `The first event of ${definition.eventTypes.join(", ")} is delivered`}
        </Step>
      </ol>
      <Button size="xs" variant="subtle" color="gray" onClick={close}>
        {kept && tested && real ? "All done" : "Hide the first steps"}
      </Button>
    </section>
  );
}
