import { Component, type ReactNode } from "react";
import { product } from "../meta.ts";
import { Failed } from "./states.tsx";

/** A page that breaks must not take the navigation with it. A chunk that is gone means a new version was installed: load it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return <Failed error={`This page met a mistake of ours, or ${product()} was updated meanwhile.`} retry={() => location.reload()} />;
  }
}
