// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
/** The signature of a webhook on its page: its public side, rotation, and how a receiver verifies it. */
import { Button, NumberInput, Tabs } from "@mantine/core";
import { useState } from "react";
import { Code } from "../components/code.tsx";
import { CopyField, ShownOnce } from "../components/copy.tsx";
import { formatSeconds } from "../components/format.ts";
import { Facts, Section } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { useAct } from "../graphql/act.ts";
import { useSession } from "../session.tsx";
import { DIALECTS } from "./dialects.ts";
import { RotateSecret, type WholeDefinition } from "./documents.ts";
import { SAMPLES } from "./verify-samples.ts";

export function SigningSecret({ definition }: { definition: WholeDefinition }) {
  const { act, busy } = useAct();
  const { can } = useSession();
  const [hours, setHours] = useState(24);
  const [secret, setSecret] = useState<string>();
  return (
    <Section title="Signature" hint={`${DIALECTS[definition.dialect].signature}. The receiver should refuse whatever does not verify.`}>
      {secret !== undefined && (
        <ShownOnce title="The new signing secret" text={secret} label="Copy the signing secret">
          Copy it now: it is not shown again. Calls are signed with the old one, too, for {formatSeconds(hours * 3_600)}.
        </ShownOnce>
      )}
      <Facts
        facts={[
          [
            "Signing secret",
            definition.signingSecretLastFour ? <span className="mono">whsec_…{definition.signingSecretLastFour}</span> : "none",
          ],
          definition.signingPublicKey !== null && [
            "Public key (v1a)",
            <CopyField key="key" text={definition.signingPublicKey} label="Copy the public key" />,
          ],
          definition.secretKey && ["Secret key", definition.secretKey.name],
        ]}
      />
      {can("webhooks:write") && definition.signingSecretLastFour !== null && (
        <div style={{ marginTop: 14 }}>
          <Confirm
            title="Rotate the signing secret?"
            confirmLabel="Rotate"
            danger={false}
            button={(open) => (
              <Button variant="default" onClick={open} loading={busy}>
                Rotate secret…
              </Button>
            )}
            confirm={async () => {
              const result = await act(RotateSecret, { input: { id: definition.id, overlapSeconds: hours * 3_600 } });
              if (result) setSecret(result.signingSecret);
            }}
          >
            <p style={{ marginTop: 0 }}>
              A new secret is made. For a while every call carries both signatures, so that the receiver can change over without losing any.
            </p>
            <NumberInput
              label="Sign with both for"
              suffix=" hours"
              min={0}
              max={720}
              value={hours}
              onChange={(value) => setHours(Number(value))}
            />
          </Confirm>
        </div>
      )}
      <h3 style={{ fontSize: "0.86rem", margin: "22px 0 8px" }}>Verify it</h3>
      <Tabs defaultValue={SAMPLES[0]?.language ?? null} variant="default" keepMounted={false}>
        <Tabs.List mb={10}>
          {SAMPLES.map((sample) => (
            <Tabs.Tab key={sample.language} value={sample.language}>
              {sample.language}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {SAMPLES.map((sample) => (
          <Tabs.Panel key={sample.language} value={sample.language}>
            <Code text={sample.code} label={`${sample.language} sample`} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Section>
  );
}
