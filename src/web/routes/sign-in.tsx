import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { Problem, usePerform } from "../graphql/act.ts";
import { graphql } from "../graphql/tada.ts";
import { Brand } from "../shell.tsx";
import classes from "./sign-in.module.css";

const SignInMutation = graphql(
  `
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      __typename
      ... on SignedIn {
        expiresAt
      }
      ...Problem
    }
  }
`,
  [Problem],
);
/** The one-time token stands in the fragment, which no link preview or proxy log ever sees; it is taken out of the address at once. */
function takeLinkToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
  if (token !== undefined) history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}

/** Only to our own pages: `next` comes from the address. */
const safe = (next: string | null) => (next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/");

export function SignIn({ signedIn }: { signedIn: () => void }) {
  const perform = usePerform();
  const navigate = useNavigate();
  const [query] = useSearchParams();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [mistake, setMistake] = useState<string>();
  const linkTried = useRef(false);

  async function enter(action: ReturnType<typeof perform>) {
    setBusy(true);
    setMistake(undefined);
    const outcome = await action;
    setBusy(false);
    if (!outcome.ok) return setMistake(outcome.failure.message);
    signedIn();
    navigate(safe(query.get("next")), { replace: true });
  }

  useEffect(() => {
    document.title = "Sign in · Hookline";
    const token = linkTried.current ? undefined : takeLinkToken();
    linkTried.current = true;
    // The server trades it for a session, once, and comes back to the overview.
    if (token !== undefined) location.replace(`/sign-in-link?token=${encodeURIComponent(token)}`);
  }, []);

  function submit(event: FormEvent) {
    event.preventDefault();
    void enter(perform(SignInMutation, { input: { email, password } }) as ReturnType<typeof perform>);
  }

  return (
    <main className={classes["page"]}>
      <form className={classes["form"]} onSubmit={submit}>
        <Brand />
        <h1 className={classes["title"]}>Sign in</h1>
        {mistake !== undefined && (
          <Alert color="red" variant="light" role="alert">
            {mistake}
          </Alert>
        )}
        {query.has("next") && mistake === undefined && <p className={classes["hint"]}>Sign in to go on where you were.</p>}
        <TextInput
          label="E-mail or user name"
          name="username"
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          required
          withAsterisk={false}
        />
        <Button type="submit" loading={busy} fullWidth mt={4}>
          Sign in
        </Button>
        <p className={classes["hint"]}>
          No password yet? <code className="mono">npm start</code> prints a link that signs the first admin in, once.
        </p>
      </form>
    </main>
  );
}
