import { useEffect, useState } from "react";

/** Asks again every so often while the page is in front. */
export function useEvery(milliseconds: number, ask: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") ask();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, ask]);
}

/** The time, renewed every so many milliseconds, for relative times and countdowns. */
export function useNow(milliseconds: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
  return now;
}
