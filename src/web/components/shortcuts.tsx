import { Kbd, Modal, Table } from "@mantine/core";

const SHORTCUTS: [string[], string][] = [
  [["Ctrl", "K"], "Search everything (⌘K on a Mac)"],
  [["Alt", "1"], "Overview"],
  [["Alt", "2"], "Log"],
  [["Alt", "3"], "Lanes"],
  [["Alt", "4"], "Webhooks"],
  [["Alt", "5"], "Goals"],
  [["↓", "↑"], "Log: move through the rows"],
  [["Enter"], "Log: open the row"],
  [["Space"], "Log: select the row"],
  [["P"], "Log: pause and resume"],
  [["/"], "Go to the search field"],
  [["?"], "This list"],
];

export function Shortcuts({ close }: { close: () => void }) {
  return (
    <Modal opened onClose={close} title="Keyboard shortcuts" closeButtonProps={{ "aria-label": "Close" }}>
      <Table withRowBorders={false}>
        <Table.Tbody>
          {SHORTCUTS.map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td w={110}>
                {keys.map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
