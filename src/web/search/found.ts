/** What the server finds for a text, once the typing pauses. */
import { useDebouncedValue } from "@mantine/hooks";
import { useNavigate } from "react-router";
import { useQuery } from "urql";
import { LOOKS } from "../components/tag.tsx";
import type { ResultOf } from "../graphql/tada.ts";
import { FindId, FindText } from "./documents.ts";
import { type Hit, isId, isTypePattern, numberIn } from "./hit.ts";

const PAUSE_MS = 180;

type Go = (to: string) => void;
type Node = NonNullable<ResultOf<typeof FindId>["node"]>;

const hit = (go: Go, title: string, note: string, to: string): Hit => ({ key: to, group: "Found", title, note, run: () => go(to) });

function nodeHit(go: Go, node: Node): Hit | undefined {
  switch (node.__typename) {
    case "WebhookRequest":
      return hit(go, `Request #${node.number}`, `${node.eventType} · ${LOOKS.request[node.state].word}`, `/log/${node.number}`);
    case "Event":
      return hit(go, node.type, "Event", `/events?id=${node.id}`);
    case "WebhookDefinition":
      return hit(go, node.name, "Webhook", `/webhooks/${node.id}`);
    case "Lane":
      return hit(go, `Lanes of ${node.webhookDefinition.name}`, "Lane", `/lanes?view=all&definition=${node.webhookDefinition.id}`);
    case "Goal":
      return hit(go, node.name, "Goal", `/goals/${node.id}`);
    default:
      return undefined;
  }
}

function textHits(go: Go, text: string, data: ResultOf<typeof FindText> | undefined): Hit[] {
  const hits: Hit[] = [];
  const { webhookRequest: request, webhookDefinition: definition, webhookRequests: ofEntity } = data ?? {};
  const named = encodeURIComponent(text);
  if (request)
    hits.push(
      hit(go, `Request #${request.number}`, `${request.eventType} · ${LOOKS.request[request.state].word}`, `/log/${request.number}`),
    );
  if (definition) hits.push(hit(go, definition.name, `Webhook ${definition.code}`, `/webhooks/${definition.id}`));
  for (const { node } of ofEntity?.edges ?? [])
    hits.push(
      hit(go, `Request #${node.number}`, `${node.eventType} · ${node.webhookDefinition.name} · of this entity`, `/log/${node.number}`),
    );
  if (ofEntity && ofEntity.edges.length > 0) hits.push(hit(go, `Log of entity id ${text}`, "All its requests", `/log?entityId=${named}`));
  if (isTypePattern(text)) {
    hits.push(hit(go, `Log of ${text}`, "Event type", `/log?type=${named}`));
    hits.push(hit(go, `Events of ${text}`, "Event type", `/events?type=${named}`));
  }
  // A guess: it comes last.
  if (!/\s/.test(text))
    hits.push({
      ...hit(go, `Events of entity id ${text}`, "Also those that nothing wanted", `/events?entityId=${named}`),
      group: "Look in",
    });
  return hits;
}

/** @returns `busy`: the answer for this text is not there yet */
export function useFound(text: string, leave: () => void): { hits: Hit[]; busy: boolean; failed: boolean } {
  const navigate = useNavigate();
  const [asked] = useDebouncedValue(text, PAUSE_MS);
  const go: Go = (to) => {
    leave();
    navigate(to);
  };
  const number = numberIn(asked);
  const byId = isId(asked);
  const [id] = useQuery({ query: FindId, variables: { id: asked }, pause: !byId, requestPolicy: "network-only" });
  const [rest] = useQuery({
    query: FindText,
    variables: { text: asked, number: number ?? 0, isNumber: number !== undefined },
    pause: byId || asked === "",
    requestPolicy: "network-only",
  });
  const result = byId ? id : rest;
  if (text === "") return { hits: [], busy: false, failed: false };
  const busy = asked !== text || result.fetching;
  if (busy) return { hits: [], busy, failed: false };
  const failed = result.error !== undefined;
  if (byId) {
    const found = id.data?.node && nodeHit(go, id.data.node);
    return { hits: found ? [found] : [], busy, failed };
  }
  const hits = textHits(go, asked, rest.data);
  return { hits: hits.filter((each, i) => hits.findIndex(({ key }) => key === each.key) === i), busy, failed };
}
