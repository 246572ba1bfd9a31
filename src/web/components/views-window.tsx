/** The saved views of a list: go to one, keep what is shown as one, remove one. */
import { ActionIcon, Button, Modal, TextInput } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { personOf, useSession } from "../session.tsx";
import { type Place, useViews } from "./views.ts";
import classes from "./views-window.module.css";

export function ViewsWindow({ place, query, close }: { place: Place; query: string; close: () => void }) {
  const { viewer } = useSession();
  const { views, save, remove } = useViews(personOf(viewer), place);
  const [name, setName] = useState("");
  return (
    <Modal opened onClose={close} title="Saved views" closeButtonProps={{ "aria-label": "Close" }}>
      {query === "" ? (
        <p className="quiet">Set a filter to save it under a name. Only you see it, in this browser; its link is for everybody.</p>
      ) : (
        <form
          className={classes["save"]}
          onSubmit={(event) => {
            event.preventDefault();
            save(name, query);
            setName("");
          }}
        >
          <TextInput
            label="Name of what is shown now"
            data-autofocus
            maxLength={60}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" disabled={name.trim() === ""}>
            Save view
          </Button>
        </form>
      )}
      {views.length > 0 && (
        <ul className={classes["views"]} aria-label="Views">
          {views.map((view) => (
            <li key={view.name} className={classes["view"]}>
              <Link className="clip" to={`${place}?${view.query}`} onClick={close} aria-current={view.query === query ? "page" : undefined}>
                {view.name}
              </Link>
              <ActionIcon aria-label={`Remove the view ${view.name}`} onClick={() => remove(view.name)}>
                <IconTrash size={15} aria-hidden />
              </ActionIcon>
            </li>
          ))}
        </ul>
      )}
    </Modal>
  );
}
