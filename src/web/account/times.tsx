import { Select } from "@mantine/core";
import { formatMoment } from "../components/format.ts";
import { browserZone, useZone } from "../components/zone.ts";
import { CHOICES, chooseZone, useZoneChoice } from "../components/zone-choice.ts";
import { personOf, useSession } from "../session.tsx";

/** The time zone of every time that the dashboard shows and takes. */
export function Times() {
  const { viewer } = useSession();
  const choice = useZoneChoice(personOf(viewer));
  useZone();
  const names = {
    organization: `The organization's: ${viewer.organization.timeZone}`,
    browser: `This browser's: ${browserZone()}`,
    utc: "UTC",
  } as const;
  return (
    <Select
      maw={360}
      label="Time zone"
      description={`Now it is ${formatMoment(Date.now())}.`}
      allowDeselect={false}
      data={CHOICES.map((value) => ({ value, label: names[value] }))}
      value={choice}
      onChange={(next) => next && chooseZone(personOf(viewer), next)}
    />
  );
}
