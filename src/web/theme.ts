import { createTheme, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#eef3ff",
  "#dce5fb",
  "#b6c8f4",
  "#8ea9ee",
  "#6e90e8",
  "#587fe4",
  "#4a72df",
  "#385ec9",
  "#2f53b4",
  "#23439a",
];
const dark: MantineColorsTuple = [
  "#e4e8ec",
  "#bcc4cd",
  "#9aa4af",
  "#6d7782",
  "#313840",
  "#272e35",
  "#1b2026",
  "#13171b",
  "#0e1114",
  "#090b0d",
];
const gray: MantineColorsTuple = [
  "#f7f8f9",
  "#f0f2f4",
  "#e5e8ec",
  "#d6dae0",
  "#c3c9d1",
  "#9aa3ae",
  "#626c78",
  "#48515c",
  "#333a43",
  "#1c2127",
];

/** White text on the seventh of each has a contrast of more than 4.5. */
const red: MantineColorsTuple = [
  "#fdeceb",
  "#fbd7d5",
  "#f4aba6",
  "#ee7d76",
  "#e5584f",
  "#dc463c",
  "#d23e35",
  "#c0342b",
  "#a92b23",
  "#8e221c",
];

export const SANS = '"Inter Variable", system-ui, -apple-system, "Segoe UI", sans-serif';
export const MONO = 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace';

export const theme = createTheme({
  colors: { accent, dark, gray, red },
  primaryColor: "accent",
  primaryShade: 7,
  black: "#1c2127",
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  headings: { fontFamily: SANS, fontWeight: "620" },
  fontSizes: { xs: "0.75rem", sm: "0.84rem", md: "0.9rem", lg: "1rem", xl: "1.2rem" },
  defaultRadius: "md",
  radius: { xs: "3px", sm: "4px", md: "6px", lg: "10px", xl: "16px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "sm" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", checkIconPosition: "right" } },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35 } } },
    Drawer: { defaultProps: { position: "right", overlayProps: { backgroundOpacity: 0.3 } } },
    // Its placeholder is a focusable child that is no menu item, which no menu may have.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
  },
});
