/** The dashboard's pages, for what has to hold on each of them. */

/** What a page of one thing shows. `number` is a request's. */
export interface Shown {
  webhook: string;
  goal: string;
  number: number;
}

export const pagesOf = ({ webhook, goal, number }: Shown): string[] => [
  "/",
  "/log",
  `/log/${number}`,
  "/lanes",
  "/events",
  "/webhooks",
  `/webhooks/${webhook}`,
  "/workflow-rules",
  "/connections",
  "/scripts",
  "/secret-keys",
  "/web-services",
  "/goals",
  "/goals/wall",
  `/goals/${goal}`,
  "/inbound-webhooks",
  "/inbound-webhooks?kind=events",
  "/applications",
  "/settings",
  "/settings/users",
  "/settings/api-tokens",
  "/settings/event-types",
  "/settings/audit-log",
  "/account",
  "/nowhere",
];
