/** What statements cost, by pg_stat_statements. */
import pg from "pg";

export interface Statement {
  text: string;
  calls: number;
  totalMs: number;
  meanMs: number;
  maxMs: number;
}

async function asked<T>(databaseUrl: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

export async function resetStatements(databaseUrl: string): Promise<void> {
  await asked(databaseUrl, async (client) => {
    await client.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    await client.query("SELECT pg_stat_statements_reset()");
  });
}

/** Of this database since the reset, the costliest first. BEGIN, COMMIT and what this file asks itself are left out. */
export function statementsOf(databaseUrl: string): Promise<Statement[]> {
  return asked(databaseUrl, async (client) => {
    const { rows } = await client.query<{ text: string; calls: string; total: number; mean: number; max: number }>(
      `SELECT query AS text, calls, total_exec_time AS total, mean_exec_time AS mean, max_exec_time AS max FROM pg_stat_statements s
       JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND query ~* '^\\s*(WITH|SELECT|INSERT|UPDATE|DELETE|MERGE)'
         AND query !~* 'pg_stat_statements|/\\* bench \\*/|^\\s*SELECT pg_catalog' ORDER BY total_exec_time DESC`,
    );
    return rows.map(({ text, calls, total, mean, max }) => ({
      text: text.replaceAll(/\s+/g, " ").trim(),
      calls: Number(calls),
      totalMs: total,
      meanMs: mean,
      maxMs: max,
    }));
  });
}
