/** Reads the tree for architecture.test.ts: every file parsed once, its imports (types too) and the few things the rules ask about. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "vite";

export interface Import {
  specifier: string;
  /** The file it leads to, from the root of the tree; undefined for a package. */
  target: string | undefined;
  typeOnly: boolean;
  /** Imported names; `default` and `*` among them. */
  names: string[];
}

export interface SourceFile {
  /** From the root of the tree, with `/`. */
  path: string;
  lines: number;
  imports: Import[];
  /** `process.env`, `Date.now`, `new Date()`, `fetch()`: what is used of globals, calls with `()`. */
  globals: string[];
  /** Every string and template, `${}` as a space. */
  strings: string[];
  /** Every regular expression. */
  patterns: { source: string; flags: string }[];
  /** `export * from`, `export {} from` and nothing else. */
  onlyForwards: boolean;
  forwardsAll: boolean;
  defaultExport: boolean;
}

type Node = { type: string; [key: string]: unknown };

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && typeof (value as Node).type === "string";

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    if (isNode(value)) yield* walk(value);
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) yield* walk(item);
  }
}

const literal = (node: unknown): string | undefined =>
  isNode(node) && node.type === "Literal" && typeof node["value"] === "string" ? node["value"] : undefined;

/** The last two names of `a.b`, `x.a.b` and `a["b"]`, so that `globalThis.process.env` is `process.env`. */
function memberName(node: Node): string | undefined {
  const [object, name] = [node["object"], propertyName(node)];
  const owner = isNode(object) ? (object.type === "Identifier" ? object["name"] : propertyName(object)) : undefined;
  return owner === undefined || name === undefined ? undefined : `${owner}.${name}`;
}

function propertyName(node: Node): string | undefined {
  const property = node["property"];
  if (node.type !== "MemberExpression" || !isNode(property)) return undefined;
  return node["computed"] ? literal(property) : (property["name"] as string | undefined);
}

function importsOf(node: Node, file: string): Import[] {
  const source = literal(node["source"]);
  if (source === undefined) return [];
  const specifiers = (Array.isArray(node["specifiers"]) ? node["specifiers"] : []).filter(isNode);
  const names = specifiers.map((s) => {
    if (s.type === "ImportNamespaceSpecifier") return "*";
    const from = s["imported"] ?? s["local"];
    return s.type === "ImportDefaultSpecifier" || !isNode(from) ? "default" : String(from["name"] ?? from["value"]);
  });
  const kind = node["importKind"] ?? node["exportKind"];
  const allTypes = specifiers.length > 0 && specifiers.every((s) => (s["importKind"] ?? s["exportKind"]) === "type");
  return [
    {
      specifier: source,
      target: source.startsWith(".") ? path.posix.join(path.posix.dirname(file), source) : undefined,
      typeOnly: kind === "type" || allTypes || node.type === "TSImportType",
      names: names.length > 0 ? names : ["*"],
    },
  ];
}

const IMPORTING = new Set(["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration", "ImportExpression", "TSImportType"]);

/** @param file its path from the root of the tree, for what its relative imports mean */
export function parse(file: string, text: string): SourceFile {
  const program = parseAst(text, { lang: file.endsWith("x") ? "tsx" : "ts" }) as unknown as Node & { body: Node[] };
  const found: SourceFile = {
    path: file,
    lines: text.split("\n").length - 1,
    imports: [],
    globals: [],
    strings: [],
    patterns: [],
    onlyForwards: program.body.length > 0 && program.body.every((n) => n.type.startsWith("Export") && isNode(n["source"])),
    forwardsAll: program.body.some((n) => n.type === "ExportAllDeclaration"),
    defaultExport: program.body.some((n) => n.type === "ExportDefaultDeclaration"),
  };
  for (const node of walk(program)) {
    if (IMPORTING.has(node.type)) found.imports.push(...importsOf(node, file));
    if (node.type === "MemberExpression") found.globals.push(memberName(node) ?? "");
    if (node.type === "CallExpression" || node.type === "NewExpression") {
      const callee = node["callee"];
      const name = isNode(callee) && callee.type === "Identifier" ? String(callee["name"]) : "";
      const bare = (node["arguments"] as unknown[]).length === 0 ? "()" : "(…)";
      found.globals.push(`${node.type === "NewExpression" ? "new " : ""}${name}${bare}`);
    }
    // const { env } = process
    if (node.type === "VariableDeclarator" && isNode(node["init"]) && node["init"].type === "Identifier" && isNode(node["id"])) {
      for (const property of walk(node["id"])) {
        const key = property.type === "Property" ? property["key"] : undefined;
        if (isNode(key)) found.globals.push(`${node["init"]["name"]}.${key["name"]}`);
      }
    }
    const regex = node.type === "Literal" ? (node["regex"] as { pattern: string; flags: string } | undefined) : undefined;
    if (regex) found.patterns.push({ source: regex.pattern, flags: regex.flags });
    const text = literal(node);
    if (text !== undefined) found.strings.push(text);
    if (node.type === "TemplateLiteral") {
      const parts = (node["quasis"] as { value: { cooked: string } }[]).map((quasi) => quasi.value.cooked);
      found.strings.push(parts.join(" "));
    }
  }
  return found;
}

const SKIPPED = new Set(["src/db/generated", "test/fixtures", "test/web/fixtures", "bench/results"]);

/** Every .ts and .tsx below `folders`, generated ones left out. @param root absolute */
export function readTree(root: string, folders: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED.has(name)) visit(name);
      else if (entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.d\.ts$/.test(entry.name))
        files.push(parse(name, readFileSync(path.join(root, name), "utf8")));
    }
  };
  for (const folder of folders) if (existsSync(path.join(root, folder))) visit(folder);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
