/** Every description says what its reader does not know yet: units, defaults, limits, what happens, an example. */
import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from "graphql";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/api/graphql/schema.ts";

interface Described {
  /** `WebhookDefinition.name`, `Query.goal(id)`. */
  place: string;
  /** Its own name and its type's. */
  names: string[];
  text: string | null | undefined;
}

const BUILT_IN = new Set(["Boolean", "Float", "ID", "Int", "String"]);

function described(): Described[] {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__") && !BUILT_IN.has(name));
  return types.flatMap((type) => {
    const found: Described[] = [{ place: type.name, names: [type.name], text: type.description }];
    const look = (place: string, names: string[], { description: text }: { description?: string | null | undefined }) =>
      found.push({ place, names, text });
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, [field.name, type.name], field);
        for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name})`, [arg.name, field.name], arg);
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) look(`${type.name}.${field.name}`, [field.name, type.name], field);
    } else if (isEnumType(type)) {
      for (const value of type.getValues()) look(`${type.name}.${value.name}`, [value.name, type.name], value);
    }
    return found;
  });
}

/** Words that carry nothing by themselves. */
const FILLERS = new Set(
  (
    "a all also an and any are as at be been by can did do does for from give given has have how if in into is it itself its new no none of on one only or " +
    "other others own same so some that the their them these they thing this those to was were what when where whether which who whom whose why will with " +
    "field input value type object list row rows kind"
  ).split(" "),
);

const wordsOf = (text: string) =>
  text
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9*'-]+/)
    .filter(Boolean);
/** `events` and `event`, `stopped` and `stop` are one word here. */
const stem = (word: string) => word.replace(/('s|ies|es|s|ed|d|ing)$/, "").slice(0, 6);

/** What a description says beyond its names; empty words say nothing. */
function news({ names, text }: Described): string[] {
  const known = new Set(names.flatMap(wordsOf).map(stem));
  return wordsOf(text ?? "").filter((word) => !FILLERS.has(word) && !known.has(stem(word)));
}

/** Said of anything, they say nothing. */
const EMPTY = [
  /^(all of )?(its|the|their) input\.?$/i,
  /^the input of \w+\.?$/i,
  /^(which|whom|whose|what|when|why|where|how|who)( \w+)?[.;:]/i,
  /^it is\.?$/i,
  /^the (object|thing|value|definition|event|webhook|goal) itself\.?$/i,
  /^(its|their|the) \w+[.]$/i,
  /^what (it|they) (is|are|may do|does)( for| of)?\.?$/i,
  /^(more|other|further) \w+\.?$/i,
  /^…$/,
  /\b(todo|tbd|fixme|foo|lorem)\b/i,
];

const fault = (one: Described): string | undefined => {
  const text = one.text?.trim() ?? "";
  if (text === "") return "has no description";
  if (EMPTY.some((pattern) => pattern.test(text))) return `says nothing: ${text}`;
  if (news(one).length < 2) return `repeats its name: ${text}`;
  if (!/[.…`)]$/.test(text)) return `is no sentence: ${text}`;
  return undefined;
};

describe("B81 each description says what a reader does not know yet", () => {
  test("every type, field, argument, input field and enum value", () => {
    const faults = described().flatMap((one) => {
      const found = fault(one);
      return found ? [`${one.place} ${found}`] : [];
    });
    expect(faults).toEqual([]);
  });

  test("no text is said of more than a few different names", () => {
    const places = Map.groupBy(
      described().filter(
        ({ place }) =>
          !/(Connection|Edge|Error)\.\w+$|\((first|last|after|before)\)$|\.(id|code|message|createdAt|updatedAt|deletedAt)$/.test(place),
      ),
      ({ text }) => text,
    );
    const worn = [...places].filter(([, all]) => new Set(all.map(({ names }) => names[0])).size > 2);
    expect(worn.map(([text, all]) => `${text} ${all.map(({ place }) => place)}`)).toEqual([]);
  });

  test("lists say the order that they have: attempts are oldest first, lanes in the order of their ids", () => {
    const order = (name: string) => schema.getType(`${name}Connection`)?.description;
    expect(order("Attempt")).toBe("A page of a list of Attempt, oldest first.");
    expect(order("Lane")).toBe("A page of a list of Lane, in the order of their ids.");
    const others = described().filter(({ place }) => /^\w+Connection$/.test(place) && !/^(Attempt|Lane)C/.test(place));
    expect(others.filter(({ text }) => !text?.includes("newest first"))).toEqual([]);
    const lists = described().filter(({ place }) =>
      /^Query\.(webhookDefinitions|events|goals|connections|webhookRequests|workflowRules)$/.test(place),
    );
    expect(lists.filter(({ text }) => !text?.includes("newest first"))).toEqual([]);
  });

  test("an input tells what it needs, a result what was done", () => {
    const type = (name: string) => schema.getType(name)?.description;
    expect(schema.getMutationType()?.getFields()["createGoal"]?.args[0]?.description).toBe(
      "Needs `direction`, `name`, takes `badThreshold`, `goodThreshold`, `unit` too.",
    );
    expect(type("CreateGoalInput")).toContain("createGoal, which needs `direction`, `name`");
    expect(type("CreateGoalResult")).toMatch(/^Goal once createGoal is done; else the error/);
  });

  test.each([
    ["Goal.name", ["name", "Goal"], "Its name."],
    ["Goal.name", ["name", "Goal"], "The name of the goal."],
    ["X.id", ["id", "X"], "Which."],
    ["X.id", ["id", "X"], "Which one."],
    ["UpdateUserInput.id", ["id", "UpdateUserInput"], "Whom."],
    ["Mutation.createGoal(input)", ["input", "createGoal"], "All of its input."],
    ["CreateGoalInput", ["CreateGoalInput"], "The input of createGoal."],
    ["X.createdAt", ["createdAt", "X"], "When it was created."],
    ["State.ACTIVE", ["ACTIVE", "State"], "It is."],
    ["X.definition", ["definition", "X"], "The definition."],
    ["X.y", ["y", "X"], undefined],
  ])("the test can fail: %s %s %s", (place, names, text) => {
    expect(fault({ place, names, text })).toBeDefined();
  });
});
