export function WorkflowRules() {
  return null;
}
