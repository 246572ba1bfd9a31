import { Alert, Button, PasswordInput, SegmentedControl, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
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

/** Trades a link's or an API token for a session cookie. @returns what went wrong */
async function trade(path: "/sign-in-link" | "/sign-in-token", token: string): Promise<string | undefined> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ token }) }).catch(() => undefined);
  if (response?.ok) return undefined;
  if (!response || response.status >= 500) return "The server cannot be reached. Try again in a moment.";
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  return `${(problem.detail ?? "this could not be used").replace(/^./, (first) => first.toUpperCase())}.`;
}

/** Only to our own pages: `next` comes from the address. */
const safe = (next: string | null) => (next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/");

/** @param props.next where to go on once signed in */
export function SignIn({ signedIn, next }: { signedIn: () => void; next: string | null }) {
  const perform = usePerform();
  const navigate = useNavigate();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [apiToken, setApiToken] = useState("");
  const [way, setWay] = useState<"password" | "token">("password");
  const [busy, setBusy] = useState(false);
  const [mistake, setMistake] = useState<string>();
  const linkTried = useRef(false);

  async function enter(attempt: Promise<string | undefined>) {
    setBusy(true);
    setMistake(undefined);
    const problem = await attempt;
    setBusy(false);
    if (problem !== undefined) return setMistake(problem);
    signedIn();
    navigate(safe(next), { replace: true });
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: the link is looked for once
  useEffect(() => {
    document.title = "Sign in · Hookline";
    const token = linkTried.current ? undefined : takeLinkToken();
    linkTried.current = true;
    if (token !== undefined) void enter(trade("/sign-in-link", token));
  }, []);

  async function withPassword(): Promise<string | undefined> {
    const outcome = await perform(SignInMutation, { input: { email, password } });
    return outcome.ok ? undefined : outcome.failure.message;
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void enter(way === "token" ? trade("/sign-in-token", apiToken.trim()) : withPassword());
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
        {next !== null && mistake === undefined && <p className={classes["hint"]}>Sign in to go on where you were.</p>}
        <SegmentedControl
          aria-label="Sign in with"
          data={[
            { value: "password", label: "User and password" },
            { value: "token", label: "API token" },
          ]}
          value={way}
          onChange={(value) => setWay(value === "token" ? "token" : "password")}
          fullWidth
        />
        {way === "password" ? (
          <>
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
          </>
        ) : (
          <PasswordInput
            label="Token"
            name="token"
            autoComplete="off"
            description="The session may do what the token may, and ends with it."
            value={apiToken}
            onChange={(event) => setApiToken(event.currentTarget.value)}
            required
            withAsterisk={false}
            autoFocus
          />
        )}
        <Button type="submit" loading={busy} fullWidth mt={4}>
          Sign in
        </Button>
        <p className={classes["hint"]}>
          Neither? <code className="mono">npx hookline sign-in-link</code> on the server makes a link that signs you in, once.
        </p>
      </form>
    </main>
  );
}
