/** What a webhook can refer to, each list whole: what a page of it leaves out could not be chosen. */
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql } from "../graphql/tada.ts";

const EventTypeNames = graphql(`
  query EventTypeNames($after: String) {
    eventTypes(first: 100, after: $after) {
      edges {
        node {
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const ConnectionNames = graphql(`
  query ConnectionNames($after: String) {
    connections(first: 100, after: $after) {
      edges {
        node {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const ScriptNames = graphql(`
  query ScriptNames($after: String) {
    scripts(first: 100, after: $after) {
      edges {
        node {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const SecretKeyNames = graphql(`
  query SecretKeyNames($after: String) {
    secretKeys(first: 100, after: $after) {
      edges {
        node {
          id
          name
          lastFour
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

interface Named {
  id: string;
  name: string;
}

export const options = (all: readonly Named[]) => all.map(({ id, name }) => ({ value: id, label: name }));

export const useConnections = (pause = false) => useAllPages(ConnectionNames, (data) => data.connections, { pause });
export const useEventTypes = (pause = false) => useAllPages(EventTypeNames, (data) => data.eventTypes, { pause });

export interface Choices {
  eventTypes: string[];
  connections: Named[];
  scripts: Named[];
  secretKeys: (Named & { lastFour: string })[];
}

/** @returns with them what is not all there, and how to read it anew */
export function useChoices(pause: boolean) {
  const eventTypes = useEventTypes(pause);
  const connections = useConnections(pause);
  const scripts = useAllPages(ScriptNames, (data) => data.scripts, { pause });
  const secretKeys = useAllPages(SecretKeyNames, (data) => data.secretKeys, { pause });
  const lists = [eventTypes, connections, scripts, secretKeys];
  const choices: Choices = {
    eventTypes: eventTypes.data?.map(({ name }) => name) ?? [],
    connections: connections.data ?? [],
    scripts: scripts.data ?? [],
    secretKeys: secretKeys.data ?? [],
  };
  const retry = () => {
    for (const list of lists) list.refresh();
  };
  return { choices, error: lists.find(({ error }) => error)?.error, retry };
}
