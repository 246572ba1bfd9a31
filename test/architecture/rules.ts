/** The rules of the layout, one function each: given the files, the places that break it, as `path: why`. */
import type { Import, SourceFile } from "./source.ts";

export type Rule = (files: readonly SourceFile[]) => string[];

/** Higher may import lower, never the other way round. A folder, or a file at the root of src. */
const FLOORS: [prefix: string, floor: number][] = [
  ["src/cli.ts", 9.2],
  ["src/cli/", 9.1],
  ["src/main.ts", 9],
  ["src/serve.ts", 8.2],
  ["src/signals.ts", 8.1],
  ["src/banner.ts", 8.1],
  ["src/cluster/", 8.05],
  ["src/app.ts", 8],
  ["src/api/", 7],
  ["src/goals/", 6],
  ["src/housekeeping.ts", 5.4],
  ["src/inbound/", 5.35],
  ["src/engine.ts", 5.3],
  ["src/events/", 5.2],
  ["src/live/", 5.1],
  ["src/applications/", 4.4],
  ["src/definitions/", 4.3],
  ["src/requests/", 4.2],
  ["src/delivery/", 4.1],
  ["src/quotas/", 3.3],
  ["src/accounts/", 3.2],
  ["src/wire/", 3.1],
  ["src/core.ts", 2.3],
  ["src/backup/", 2.25],
  ["src/embedded/", 2.2],
  ["src/db/", 2.1],
  ["src/vault.ts", 2],
  ["src/passwords/", 2],
  ["src/observe/", 1.1],
  ["src/clock.ts", 1],
  ["src/errors.ts", 1],
  ["src/config.ts", 1],
  ["src/bundle.ts", 0.9],
  ["src/memory.ts", 0.95],
  ["src/text.ts", 0.9],
  ["src/kept.ts", 0.9],
  ["src/database-url.ts", 0.9],
  ["src/config/", 0.95],
];

const inSrc = (file: { path: string }) => file.path.startsWith("src/");
/** The dashboard runs in a browser: it is a house of its own. */
const inWeb = (file: { path: string }) => file.path.startsWith("src/web/");
const onServer = (file: { path: string }) => inSrc(file) && !inWeb(file);
const unitOf = (path: string) => FLOORS.find(([prefix]) => path.startsWith(prefix));
const floorOf = (path: string) => unitOf(path)?.[1];
const below = (path: string, floor: number) => (floorOf(path) ?? 99) < floor;

function each(files: readonly SourceFile[], applies: (file: SourceFile) => boolean, judge: (file: SourceFile) => string[]): string[] {
  return files.filter(applies).flatMap((file) => judge(file).map((why) => `${file.path}: ${why}`));
}

/** Judges every import by itself. */
const eachImport = (applies: (file: SourceFile) => boolean, judge: (found: Import, file: SourceFile) => string | false): Rule => {
  return (files) => each(files, applies, (file) => file.imports.flatMap((found) => judge(found, file) || []));
};

const packageOf = (specifier: string) =>
  (specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0]) ?? "";

export const everyFileHasAFloor: Rule = (files) =>
  each(files, onServer, (file) => (unitOf(file.path) ? [] : ["has no floor in the layout of DESIGN.md"]));

export const importsRunDown: Rule = eachImport(onServer, ({ target }, file) => {
  if (target === undefined || !target.startsWith("src/") || inWeb({ path: target })) return false;
  const [from, to] = [unitOf(file.path), unitOf(target)];
  return from !== undefined && from !== to && (to?.[1] ?? 99) >= from[1] && `imports ${target}, which is not below it`;
});

export const theDashboardStandsAlone: Rule = eachImport(inSrc, ({ target }, file) => {
  const crosses = target?.startsWith("src/") && inWeb({ path: target }) !== inWeb(file);
  return crosses ? `imports ${target}: the dashboard and the server share nothing but the schema` : false;
});

export const productStaysOutOfTestsAndScripts: Rule = eachImport(
  inSrc,
  ({ target }) => target !== undefined && !target.startsWith("src/") && !target.endsWith("package.json") && `imports ${target}`,
);

/** Depth first; a way back to a file on the path is a circle. */
export const noCircles: Rule = (files) => {
  const graph = new Map(files.map((file) => [file.path, file.imports.flatMap((found) => found.target ?? [])]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: string[]) => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) if (graph.has(next)) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return circles;
};

const DOOR_PACKAGES = /^(graphql(-.*)?|@graphql-.*|@pothos\/.*|fastify|@fastify\/.*|react|react-dom|@mantine\/.*|urql)$/;
export const noDoorsBelowApi: Rule = eachImport(
  (file) => onServer(file) && below(file.path, 7),
  ({ specifier }) => DOOR_PACKAGES.test(packageOf(specifier)) && `imports ${specifier}: only api/ knows doors`,
);

/** What can open a connection, and the only places that may. Types and pure helpers (isIP, BlockList) are free. */
const OPENERS: [module: RegExp, names: RegExp, allowed: RegExp][] = [
  [/^undici$/, /./, /^src\/delivery\/transport\.ts$/],
  // And to the mail relay that the operator names.
  [/^(node:)?net$/, /^(connect|createConnection|Socket|\*|default)$/, /^src\/delivery\/(transport|mail)\.ts$/],
  [/^(node:)?tls$/, /^(connect|TLSSocket|\*|default)$/, /^src\/delivery\/transport\.ts$/],
  [/^(node:)?(http|https)$/, /^(request|get|Agent|\*|default)$/, /^$/],
  [/^(node:)?(http2|dgram)$/, /./, /^$/],
  [/^(axios|node-fetch|eventsource)$/, /./, /^$/],
  // Only to servers that the operator or the command line's user names.
  [/^got$/, /./, /^src\/(cli\.ts|cli\/|delivery\/oauth|api\/faces\/superoffice\/consent)/],
  [/^ws$/, /./, /^src\/(api|cli)\//],
  [/^nodemailer$/, /./, /^src\/delivery\/mail\.ts$/],
  [/^pg$/, /./, /^src\/(db|embedded)\//],
];
const OPENING_GLOBALS = /^(fetch\(|new (WebSocket|EventSource|WebSocketStream)\()/;

export const oneWayOut: Rule = (files) => [
  ...eachImport(onServer, ({ specifier, names, typeOnly }, file) => {
    const opener = OPENERS.find(([module, opening]) => module.test(specifier) && names.some((name) => opening.test(name)));
    return !typeOnly && opener !== undefined && !opener[2].test(file.path) && `opens connections with ${specifier}`;
  })(files),
  ...each(
    files,
    (file) => onServer(file) && !file.path.startsWith("src/cli"),
    (file) => file.globals.filter((name) => OPENING_GLOBALS.test(name)).map((name) => `calls ${name}`),
  ),
];

export const theWayOutIsGuarded: Rule = (files) =>
  each(
    files,
    (file) => file.path === "src/delivery/transport.ts",
    (file) => (file.imports.some((i) => i.target === "src/delivery/egress.ts" && !i.typeOnly) ? [] : ["does not ask delivery/egress.ts"]),
  );

const PURE = /^src\/(wire\/|text\.ts$|definitions\/(match|filter|predicate)\.ts$)/;
const PURE_PACKAGES = new Set(["node:crypto", "rfc6902", "fast-xml-parser"]);
/** Files that a pure one may stand on. */
const PURE_FILES = /^(src\/(wire\/|errors\.ts$|text\.ts$|definitions\/(match|filter|predicate|text)\.ts$)|package\.json$)/;
const IMPURE_GLOBALS = /^(process\.|console\.|fetch\(|setTimeout\(|setInterval\(|setImmediate\(|queueMicrotask\()/;

export const pureFilesArePure: Rule = (files) => [
  ...eachImport(
    (file) => PURE.test(file.path),
    ({ specifier, target, typeOnly }) =>
      !typeOnly && (target === undefined ? !PURE_PACKAGES.has(specifier) : !PURE_FILES.test(target)) && `is pure, but imports ${specifier}`,
  )(files),
  ...each(
    files,
    (file) => PURE.test(file.path),
    (file) => file.globals.filter((name) => IMPURE_GLOBALS.test(name)).map((name) => `is pure, but uses ${name}`),
  ),
];

export const oneFileReadsTheEnvironment: Rule = (files) => [
  ...each(
    files,
    // vite.config.ts is read by a tool, not by the product; memory.ts hands its process's own on, before anything is configured.
    (file) => inSrc(file) && !/^src\/(config|memory|web\/vite\.config)\.ts$/.test(file.path),
    (file) => file.globals.filter((name) => name === "process.env").map((name) => `reads ${name}`),
  ),
  ...eachImport(inSrc, ({ specifier, names }) => /^(node:)?process$/.test(specifier) && names.includes("env") && "imports env")(files),
];

const TIME_AND_CHANCE = /^(Date\.now|Date\(|new Date\(\)|Math\.random|performance\.now|process\.hrtime|crypto\.randomUUID)/;
export const timeAndChanceComeFromTheClock: Rule = (files) => {
  const path = (file: SourceFile) => /^src\/(delivery|events|wire)\//.test(file.path) || PURE.test(file.path);
  return [
    ...each(files, path, (file) => file.globals.filter((name) => TIME_AND_CHANCE.test(name)).map((name) => `uses ${name}, not core.clock`)),
    ...eachImport(
      path,
      ({ specifier, names }) =>
        specifier === "node:crypto" && names.some((n) => /^random(UUID|Int)$/.test(n)) && "makes ids without clock.ts",
    )(files),
  ];
};

const WRITES_LANES = /\b(?:UPDATE|INSERT\s+INTO|DELETE\s+FROM|TRUNCATE)\s+(?:ONLY\s+)?"?(lane|webhook_request|lane_entry)"?(?![\w.])/i;
const LANE_WRITERS = /^src\/delivery\/(lane-[a-z-]+|control|test-send|sql\/[a-z-]+)\.ts$/;
/** Deletes what was settled long ago; changes no state. */
const MAY_DELETE = "src/requests/sql/delete-requests.ts";
const PRISMA_WRITES = /^(create|createMany|update|updateMany|upsert|delete|deleteMany)$/;

export const oneHandMovesLanes: Rule = (files) =>
  each(
    files,
    (file) => onServer(file) && !LANE_WRITERS.test(file.path),
    (file) => [
      ...file.strings
        .map((text) => WRITES_LANES.exec(text))
        .filter((found) => found !== null)
        .filter(([statement]) => !(file.path === MAY_DELETE && /^DELETE/i.test(statement)))
        .map(([statement]) => `writes: ${statement.replace(/\s+/g, " ")}`),
      ...file.globals
        .filter((name) => /^(webhookRequest|lane|laneEntry)\./.test(name) && PRISMA_WRITES.test(name.split(".")[1] ?? ""))
        .map((name) => `writes: ${name}`),
    ],
  );

const READS_TABLES = /^db\.(prisma|unscoped|pool|tenant|tenantTransaction|transaction)\b/;
const SQL = /^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s/i;

/** A face calls domain functions: whose rows somebody may see is said once, there. */
export const facesReadNoTables: Rule = (files) =>
  each(
    files,
    (file) => file.path.startsWith("src/api/faces/"),
    (file) => [
      ...file.globals.filter((name) => READS_TABLES.test(name)).map((name) => `reads tables: ${name}`),
      ...file.strings.filter((text) => SQL.test(text)).map((text) => `reads tables: ${text.trim().slice(0, 40)}`),
    ],
  );

/** Written by a script, read by nobody from top to bottom. */
const GENERATED = "src/db/kysely-types.ts";

export const noLongFiles: Rule = (files) =>
  each(
    files,
    (file) => file.path !== GENERATED,
    (file) => (file.lines > 500 ? [`has ${file.lines} lines, 500 are the limit`] : []),
  );

export const noEmptyFolderNames: Rule = (files) =>
  each(files, inSrc, (file) =>
    file.path
      .split("/")
      .slice(0, -1)
      .filter((part) => /^(utils?|common|types|services?|helpers|lib|misc|shared)$/.test(part))
      .map((part) => `stands in a folder called ${part}`),
  );

export const namesAreKebabCase: Rule = (files) =>
  each(
    files,
    () => true,
    (file) => file.path.split("/").flatMap((part) => (/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(part) ? [] : [`"${part}" is not kebab-case`])),
  );

export const noBarrels: Rule = (files) =>
  each(files, inSrc, (file) => [
    ...(file.onlyForwards || file.forwardsAll ? ["only forwards: import from the file that defines"] : []),
    ...(/\/index\.tsx?$/.test(file.path) ? ["is called index"] : []),
  ]);

/** A tool that reads a default export says so in its name. */
export const exportsHaveNames: Rule = (files) =>
  each(
    files,
    (file) => inSrc(file) && !/\.config\.ts$/.test(file.path),
    (file) => (file.defaultExport ? ["has a default export"] : []),
  );

export const noTestIsLeftOut: Rule = (files) =>
  each(
    files,
    (file) => /^test\/.*\.test\.ts$/.test(file.path),
    (file) => file.globals.filter((name) => /^(it|test|describe)\.(only|skip|todo|fails)$/.test(name)).map((name) => `has ${name}`),
  );

export function medianLines(files: readonly SourceFile[]): number {
  const sizes = files
    .filter(inSrc)
    .map((file) => file.lines)
    .sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length / 2)] ?? 0;
}
