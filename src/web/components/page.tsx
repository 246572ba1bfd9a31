import { IconChevronLeft } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";
import { Link, NavLink } from "react-router";
import { product } from "../meta.ts";
import classes from "./page.module.css";

interface PageProps {
  title: ReactNode;
  /** For the browser's tab, when the title is no text. */
  name?: string;
  /** One sentence: what this page is for. */
  hint?: ReactNode;
  actions?: ReactNode;
  back?: { to: string; label: string };
  wide?: boolean;
  children: ReactNode;
}

export function Page({ title, name, hint, actions, back, wide, children }: PageProps) {
  const tab = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = tab === "" ? product() : `${tab} · ${product()}`;
  }, [tab]);
  return (
    <div className={classes["page"]} data-wide={wide || undefined}>
      {back && (
        <Link className={classes["back"] ?? ""} to={back.to}>
          <IconChevronLeft size={14} aria-hidden /> {back.label}
        </Link>
      )}
      <header className={classes["head"]}>
        <div className={classes["titles"]}>
          <h1 className={classes["title"]}>{title}</h1>
          {hint && <p className={classes["hint"]}>{hint}</p>}
        </div>
        {actions && <div className={classes["actions"]}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Section({
  title,
  hint,
  actions,
  children,
  id,
}: {
  title: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  id?: string;
}) {
  return (
    <section className={classes["section"]} id={id}>
      <div className={classes["sectionHead"]}>
        <h2 className={classes["sectionTitle"]}>{title}</h2>
        {actions && <div className={classes["actions"]}>{actions}</div>}
      </div>
      {hint && <p className={classes["sectionHint"]}>{hint}</p>}
      {children}
    </section>
  );
}

/** The pages of one area, as links: they have addresses of their own. */
export function SubNav({ label, links }: { label: string; links: { to: string; label: string; end?: boolean }[] }) {
  return (
    <nav className={classes["subnav"]} aria-label={label}>
      {links.map((link) => (
        <NavLink key={link.to} to={link.to} end={link.end ?? false} className={classes["sublink"] ?? ""}>
          {link.label}
        </NavLink>
      ))}
    </nav>
  );
}

/** Name and value, one under the other: the quiet way to show settings. */
export function Facts({ facts, columns }: { facts: (readonly [string, ReactNode] | false | null | undefined)[]; columns?: number }) {
  return (
    <dl className={classes["facts"]} data-columns={columns}>
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]} className={classes["fact"]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1] ?? <span className="quiet">–</span>}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
