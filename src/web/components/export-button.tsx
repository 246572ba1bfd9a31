/** What a list shows, whole, as a file: the browser downloads it, with the same filter. */
import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { download as guarded } from "../graphql/tab.ts";

type Filter = Readonly<Record<string, unknown>>;

/** @param filter as the API takes it; lists go by commas */
function addressOf(path: string, filter: Filter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) query.set(name, Array.isArray(value) ? value.join(",") : String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

export function ExportButton({ list, filter }: { list: "requests" | "events"; filter: Filter }) {
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <Button size="xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={addressOf(`/v1/${list}.csv`, filter)} download onClick={guarded}>
          CSV, for spreadsheets
        </Menu.Item>
        <Menu.Item component="a" href={addressOf(`/v1/${list}.ndjson`, filter)} download onClick={guarded}>
          NDJSON, for programs
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
