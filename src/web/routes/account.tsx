import { SessionsQuery } from "../account/documents.ts";
import { PasswordForm } from "../account/password.tsx";
import { Sessions } from "../account/sessions.tsx";
import { Times } from "../account/times.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import { useSession } from "../session.tsx";

const ROLES = {
  ADMIN: "Admin: everything, also users and tokens",
  MEMBER: "Member: webhooks, events and goals",
  VIEWER: "Viewer: looks, changes nothing",
} as const;

export function Account() {
  const { viewer } = useSession();
  const sessions = useAllPages(SessionsQuery, (data) => data.sessions);
  return (
    <Page title="Your account" hint="Who you are here, your password, and where you are signed in.">
      <Facts
        facts={[
          ["Name", viewer.user?.name ?? null],
          ["E-mail", viewer.user?.email ?? "None: this session is an API token's, and no person's"],
          ["Role", ROLES[viewer.role]],
          ["Organization", viewer.organization.name],
        ]}
      />
      {viewer.user !== null && (
        <Section title="Password" hint="Another password ends your other sessions.">
          <PasswordForm changed={sessions.refresh} />
        </Section>
      )}
      <Section title="Times" hint="Which clock the dashboard shows and takes, each time with its zone. For you, in this browser.">
        <Times />
      </Section>
      <Section title="Sessions" hint="Wherever you are signed in. End what you do not know, then change the password.">
        <Sessions list={sessions} />
      </Section>
    </Page>
  );
}
