import { Alert, Button, PasswordInput, SegmentedControl, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { trade } from "../components/trade.ts";
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
/** The one-time token stands in the fragment, which no link preview or proxy log ever sees. */
const linkToken = (): string | undefined => new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
const withoutFragment = () => history.replaceState(history.state, "", location.pathname + location.search);

/** What went wrong with single sign-on: the server names it by a word, so that no other site's page can make up a sentence here. */
const PROBLEMS: Record<string, string> = {
  denied: "The sign-in provider did not let you in.",
  disabled: "Your account here is disabled. Ask an administrator.",
  email: "The sign-in provider does not say which e-mail address is yours.",
  expired: "This sign-in was begun too long ago, in another browser, or finished before. Try again.",
  invalid: "The sign-in provider's answer could not be used. The server's log says why.",
  limit: "There were too many tries from your address. Try again in a minute.",
  organization: "Single sign-on is not set up right. The server's log says why.",
  role: "Your account at the sign-in provider has no role here. Ask an administrator.",
  taken: "Your e-mail address belongs to another account here. Ask an administrator.",
  unreachable: "The sign-in provider cannot be reached. Try again in a moment.",
  unverified: "The sign-in provider has not verified your e-mail address.",
};

function takeProblem(): string | undefined {
  const word = new URLSearchParams(location.hash.slice(1)).get("problem");
  if (word === null) return undefined;
  withoutFragment();
  return (Object.hasOwn(PROBLEMS, word) ? PROBLEMS[word] : undefined) ?? "Single sign-on failed. Try again in a moment.";
}

interface Ways {
  passwords: boolean;
  oidc: boolean;
}

/** Which ways in this server has. */
async function readWays(): Promise<Ways | undefined> {
  const response = await fetch("/sign-in/options").catch(() => undefined);
  return response?.ok ? ((await response.json().catch(() => undefined)) as Ways | undefined) : undefined;
}

/** Only to our own pages, as the server judges it: `next` comes from the address, and parsers drop tabs and take a backslash for a slash. */
const safe = (next: string | null): string => {
  const url = next?.startsWith("/") ? URL.parse(next, "http://self.invalid") : null;
  return url?.origin === "http://self.invalid" && !url.pathname.startsWith("//") ? url.pathname + url.search + url.hash : "/";
};

/** @param props.next where to go on once signed in */
export function SignIn({ signedIn, next }: { signedIn: () => void; next: string | null }) {
  const perform = usePerform();
  const navigate = useNavigate();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [apiToken, setApiToken] = useState("");
  const [organization, setOrganization] = useState<string>();
  const [ways, setWays] = useState<Ways>({ passwords: true, oidc: false });
  const [way, setWay] = useState<"password" | "token">("password");
  const [busy, setBusy] = useState(false);
  const [mistake, setMistake] = useState<string>();
  /** The link's token is in the address still. */
  const [held, setHeld] = useState(false);
  const looked = useRef(false);

  async function enter(attempt: Promise<string | undefined>) {
    setBusy(true);
    setMistake(undefined);
    const problem = await attempt;
    setBusy(false);
    if (problem !== undefined) return setMistake(problem);
    signedIn();
    navigate(safe(next), { replace: true });
  }

  /** The token stays in the address until the server has judged it: a reload, and whoever tries again, need it. */
  async function byLink(token: string): Promise<string | undefined> {
    setHeld(false);
    const refusal = await trade("/sign-in-link", token);
    if (refusal?.later) setHeld(true);
    else withoutFragment();
    return refusal?.message;
  }

  function takeLink() {
    const token = linkToken();
    const problem = takeProblem();
    if (token !== undefined) void enter(byLink(token));
    else if (problem !== undefined) setMistake(problem);
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at once; from then on whenever the fragment changes
  useEffect(() => {
    document.title = "Sign in · Hookline";
    // A link that is opened where this page already stands changes the fragment alone: nothing is loaded anew.
    addEventListener("hashchange", takeLink);
    if (!looked.current) {
      looked.current = true;
      takeLink();
      void readWays().then((found) => {
        if (!found) return;
        setWays(found);
        if (!found.passwords) setWay("token");
      });
    }
    return () => removeEventListener("hashchange", takeLink);
  }, []);

  async function withPassword(): Promise<string | undefined> {
    const named = organization === undefined || organization === "" ? {} : { organization };
    const outcome = await perform(SignInMutation, { input: { email, password, ...named } });
    if (outcome.ok) return undefined;
    if (outcome.failure.code === "CONFLICT") setOrganization((before) => before ?? "");
    return outcome.failure.message;
  }

  const withToken = async () => (await trade("/sign-in-token", apiToken.trim()))?.message;

  function submit(event: FormEvent) {
    event.preventDefault();
    setHeld(false);
    void enter(way === "token" ? withToken() : withPassword());
  }

  return (
    <main className={classes["page"]}>
      <form className={classes["form"]} onSubmit={submit}>
        <Brand />
        <h1 className={classes["title"]}>Sign in</h1>
        {mistake !== undefined && (
          <Alert color="red" variant="light" role="alert">
            {mistake}
            {held && (
              <Button variant="default" size="xs" mt="xs" loading={busy} onClick={takeLink} display="block">
                Try the link again
              </Button>
            )}
          </Alert>
        )}
        {next !== null && mistake === undefined && <p className={classes["hint"]}>Sign in to go on where you were.</p>}
        {ways.oidc && (
          <Button component="a" href={`/sign-in/oidc?next=${encodeURIComponent(safe(next))}`} variant="default" fullWidth>
            Single sign-on
          </Button>
        )}
        {ways.passwords && (
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
        )}
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
            {organization !== undefined && (
              <TextInput
                label="Organization"
                name="organization"
                autoComplete="organization"
                value={organization}
                onChange={(event) => setOrganization(event.currentTarget.value)}
                required
                withAsterisk={false}
                autoFocus
              />
            )}
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
