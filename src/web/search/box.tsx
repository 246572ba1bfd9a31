// biome-ignore-all lint/a11y/useFocusableInteractive: the field keeps the focus and names the option by aria-activedescendant
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the field takes the keys
// biome-ignore-all lint/a11y/useSemanticElements: an option of a list box that a field leads is no option of a select
/** One box for everything: a number, an id, a webhook, a page, an action. Loaded when it is opened. */
import { Loader, Modal, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { useAllPages } from "../graphql/all-pages.ts";
import classes from "./box.module.css";
import { WebhookNames } from "./documents.ts";
import { useFound } from "./found.ts";
import { fitting, type Hit } from "./hit.ts";
import { type Commands, usePlaces } from "./places.ts";

const GROUPS: Hit["group"][] = ["Found", "Webhooks", "Saved views", "Pages", "Actions", "Look in"];
const MOST_WEBHOOKS = 8;

function useHits(text: string, commands: Commands) {
  const navigate = useNavigate();
  const places = usePlaces(commands);
  const found = useFound(text, commands.leave);
  const { data: webhooks = [] } = useAllPages(WebhookNames, (data) => data.webhookDefinitions);
  const ofWebhooks = webhooks.map(
    ({ id, name, code }): Hit => ({
      ...{ key: `/webhooks/${id}`, group: "Webhooks", title: name, note: code },
      run: () => {
        commands.leave();
        navigate(`/webhooks/${id}`);
      },
    }),
  );
  const byName = text === "" ? [] : fitting(ofWebhooks, text).slice(0, MOST_WEBHOOKS);
  const shown = new Set(byName.map(({ key }) => key));
  const hits = [...found.hits.filter(({ key }) => !shown.has(key)), ...byName, ...fitting(places, text)];
  return { ...found, hits: GROUPS.flatMap((group) => hits.filter((each) => each.group === group)) };
}

function Options({ hits, at, point }: { hits: Hit[]; at: number; point: (index: number) => void }) {
  return GROUPS.map((group) => {
    const own = hits.filter((each) => each.group === group);
    return (
      own.length > 0 && (
        <div key={group} role="group" aria-label={group}>
          <div className={classes["group"]} aria-hidden>
            {group}
          </div>
          {own.map((each) => {
            const index = hits.indexOf(each);
            return (
              <div
                key={each.key}
                id={`hit-${index}`}
                role="option"
                aria-selected={index === at}
                className={classes["hit"]}
                onPointerMove={() => point(index)}
                onClick={each.run}
              >
                <span className="clip">{each.title}</span>
                {each.note && <span className={`clip quiet ${classes["note"]}`}>{each.note}</span>}
              </div>
            );
          })}
        </div>
      )
    );
  });
}

/** As it comes: the window's own focus is a turn later, and a first letter would be lost. */
const focus = (field: HTMLInputElement | null) => field?.focus({ preventScroll: true });

export function SearchBox(commands: Commands) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [entered, setEntered] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const text = typed.trim();
  const { hits, busy, failed } = useHits(text, commands);
  const current = Math.min(at, hits.length - 1);

  useEffect(() => {
    list.current?.querySelector(`#hit-${current}`)?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const first = hits[0];
  useEffect(() => {
    if (!entered || busy) return;
    setEntered(false);
    first?.run();
  }, [entered, busy, first]);

  function onKeyDown(event: KeyboardEvent) {
    const last = hits.length - 1;
    if (event.key === "Enter") {
      // What was typed may be an id: whoever is quicker than the answer is taken there when it comes.
      if (busy) setEntered(true);
      else hits[current]?.run();
    } else if (event.key === "ArrowDown") setAt(current >= last ? 0 : current + 1);
    else if (event.key === "ArrowUp") setAt(current <= 0 ? last : current - 1);
    else return;
    event.preventDefault();
  }

  return (
    <Modal.Root opened onClose={commands.leave} yOffset="10vh" size={620} centered={false} transitionProps={{ duration: 0 }}>
      <Modal.Overlay backgroundOpacity={0.35} />
      <Modal.Content aria-label="Search">
        <TextInput
          ref={focus}
          data-autofocus
          size="md"
          variant="unstyled"
          className={classes["field"] ?? ""}
          role="combobox"
          aria-label="Search"
          aria-expanded
          aria-controls="hits"
          aria-autocomplete="list"
          aria-activedescendant={current >= 0 ? `hit-${current}` : undefined}
          placeholder="Number, id, entity id, webhook, page or action"
          leftSection={<IconSearch size={16} aria-hidden />}
          rightSection={busy ? <Loader size={14} aria-label="Searching" /> : null}
          value={typed}
          maxLength={255}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setAt(0);
            setEntered(false);
          }}
          onKeyDown={onKeyDown}
        />
        <div ref={list} id="hits" role="listbox" aria-label="Results" className={classes["hits"]} tabIndex={-1}>
          <Options hits={hits} at={current} point={setAt} />
        </div>
        <p className={classes["foot"]} role="status">
          {failed
            ? "The server does not answer: only pages and actions are searched."
            : hits.length === 0 && !busy
              ? "Nothing is found."
              : "↑ ↓ to choose, Enter to open, Esc to leave"}
        </p>
      </Modal.Content>
    </Modal.Root>
  );
}
