/** Splits a SQL script into its statements, so that a failure can name the one that failed. */

/** What may hold a ";" that ends nothing: comments, quoted names and texts, dollar-quoted bodies. */
const newToken = () => /--[^\n]*|\/\*|"(?:[^"]|"")*"|\b[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|\$([A-Za-z_][A-Za-z0-9_]*)?\$|;|\S/g;

/** The end of a comment that begins at `from`; they nest. */
function commentEnd(sql: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 0, found = mark.exec(sql); found; found = mark.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/** Each statement without the comments before it and without its ";". */
export function statementsOf(sql: string): string[] {
  const statements: string[] = [];
  const token = newToken();
  let begin: number | undefined;
  const take = (end: number) => {
    if (begin !== undefined) statements.push(sql.slice(begin, end).trimEnd());
    begin = undefined;
  };
  for (let found = token.exec(sql); found; found = token.exec(sql)) {
    const [text] = found;
    if (text === ";") take(found.index);
    else if (text === "/*") token.lastIndex = commentEnd(sql, found.index);
    else if (!text.startsWith("--")) {
      begin ??= found.index;
      if (text.startsWith("$") && text.endsWith("$") && text.length > 1) {
        const end = sql.indexOf(text, token.lastIndex);
        token.lastIndex = end < 0 ? sql.length : end + text.length;
      }
    }
  }
  take(sql.length);
  return statements;
}
