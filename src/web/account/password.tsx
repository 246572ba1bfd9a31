import { Alert, Button, PasswordInput } from "@mantine/core";
import { useForm } from "../components/form.ts";
import { tell } from "../graphql/act.ts";
import { ChangePassword } from "./documents.ts";

const empty = () => ({ currentPassword: "", newPassword: "", again: "" });

/** Another password for whoever is signed in. @param changed called when it was given: the other sessions have ended */
export function PasswordForm({ changed }: { changed: () => void }) {
  const form = useForm(empty);
  const { values, set, issue, reset, refuse } = form;

  async function submit() {
    const { currentPassword, newPassword, again } = values;
    if (newPassword !== again) return refuse("again", "This is not the same as the new password");
    if (await form.save(ChangePassword, { input: { currentPassword, newPassword } })) {
      tell("The password is changed; your other sessions have ended");
      reset(empty());
      changed();
    }
  }

  return (
    <form
      style={{ display: "grid", gap: 14, maxWidth: 360 }}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <PasswordInput
        label="Present password"
        autoComplete="current-password"
        value={values.currentPassword}
        error={issue("currentPassword")}
        onChange={(event) => set({ currentPassword: event.currentTarget.value })}
      />
      <PasswordInput
        label="New password"
        description="At least 12 characters, and none of the commonest"
        autoComplete="new-password"
        value={values.newPassword}
        error={issue("newPassword")}
        onChange={(event) => set({ newPassword: event.currentTarget.value })}
      />
      <PasswordInput
        label="New password again"
        autoComplete="new-password"
        value={values.again}
        error={issue("again")}
        onChange={(event) => set({ again: event.currentTarget.value })}
      />
      {form.failure && Object.keys(form.failure.issues).length === 0 && (
        <Alert color="red" variant="light" role="alert">
          {form.failure.message}
        </Alert>
      )}
      <div>
        <Button type="submit" loading={form.busy} disabled={values.currentPassword === "" || values.newPassword === ""}>
          Change password
        </Button>
      </div>
    </form>
  );
}
