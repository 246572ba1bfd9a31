import "@fontsource-variable/inter/wght.css";
import "./fonts/inter.css";
import "./mantine.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { unstable_HistoryRouter as HistoryRouter } from "react-router";
import { App } from "./app.tsx";
import { routerHistory } from "./history.ts";
import { meta } from "./meta.ts";
import { theme } from "./theme.ts";

const nonce = meta("style-nonce") ?? "";
// What locks the scrolling behind a panel writes a style element, too, and looks for its nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

// Loaded with the first key: whoever has a mouse needs none of it.
addEventListener("keydown", () => void import("./components/focus-kept.ts").then(({ keepFocus }) => keepFocus("content")), { once: true });

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" limit={3} autoClose={5000} />
      <HistoryRouter history={routerHistory}>
        <App />
      </HistoryRouter>
    </MantineProvider>
  </StrictMode>,
);
