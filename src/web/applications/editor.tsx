import { TextInput } from "@mantine/core";
import { useEffect } from "react";
import { useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { tell } from "../graphql/act.ts";
import { type Application, CreateApplication, UpdateApplication } from "./documents.ts";

interface EditorProps {
  /** "new", one to change, or undefined: closed. */
  application: Application | "new" | undefined;
  close: () => void;
  saved: () => void;
}

const inputOf = ({ uid, name }: { uid: string; name: string }) => ({ uid: uid.trim(), name: name.trim() });

export function ApplicationEditor({ application, close, saved }: EditorProps) {
  const form = useForm(() => ({ uid: "", name: "" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (application) reset(application === "new" ? { uid: "", name: "" } : { uid: application.uid, name: application.name });
  }, [application, reset]);

  async function submit() {
    const result =
      application === "new"
        ? await form.save(CreateApplication, { input: inputOf(values) })
        : application && (await form.save(UpdateApplication, { input: { id: application.id, ...form.changes(inputOf) } }));
    if (result) {
      tell(`${result.name} is saved`);
      saved();
    }
  }
  return (
    <FormPanel
      opened={application !== undefined}
      close={close}
      title={application === "new" ? "New application" : "Edit application"}
      submitLabel={application === "new" ? "Create application" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <TextInput
        label="Name"
        description="What people call this customer"
        placeholder="Acme Ltd"
        data-autofocus
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <TextInput
        label="Uid"
        description={
          application === "new"
            ? "Your own id of the customer: events name it as their application"
            : "Events name it as their application; change both together"
        }
        placeholder="acme"
        classNames={{ input: "mono" }}
        value={values.uid}
        error={issue("uid")}
        onChange={(event) => set({ uid: event.currentTarget.value })}
      />
    </FormPanel>
  );
}
