-- A rule's actions as they were given, each a list of definitions: [["<id>", …], …]. Null: one action, with the rule's definitions in their order.
ALTER TABLE "workflow_rule" ADD COLUMN "actions" JSONB;
