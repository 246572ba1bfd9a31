/** The portal in its owner's name, colour and logo (docs/portal.md). */
import { meta } from "../meta.ts";
import { textOn } from "./contrast.ts";
import classes from "./portal.module.css";

/** Whether the bar has something to show. */
export const isBranded = (): boolean => meta("portal-name") !== undefined || meta("portal-logo") !== undefined;

/** Gives the whole page the owner's colour, where there is one: panels and questions stand outside of the portal's own elements. */
export function paint(): void {
  const color = meta("portal-color");
  if (color === undefined) return;
  const { style, dataset } = document.documentElement;
  const text = textOn(color);
  style.setProperty("--brand", color);
  style.setProperty("--on-brand", text);
  // Away from the text, so that its contrast only grows.
  style.setProperty("--brand-hover", `color-mix(in srgb, ${color} 88%, ${text === "#ffffff" ? "#000000" : "#ffffff"})`);
  // A bar and a button as light or as dark as the page still have an edge.
  style.setProperty("--brand-edge", `color-mix(in srgb, ${color} 75%, ${text})`);
  dataset["painted"] = "";
}

export function Brand() {
  const name = meta("portal-name");
  const logo = meta("portal-logo");
  return (
    <p className={`clip ${classes["brand"]}`}>
      {logo !== undefined && <img className={classes["logo"]} src={logo} alt={name ?? ""} />}
      {/* The logo's text says it already. */}
      {name !== undefined && (
        <span className="clip" aria-hidden={logo !== undefined}>
          {name}
        </span>
      )}
    </p>
  );
}
