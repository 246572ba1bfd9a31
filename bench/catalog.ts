/** Every row there is, in the order in which they run. */
import type { Row } from "./harness/row.ts";
import { p1 } from "./rows/p1.ts";
import { p2 } from "./rows/p2.ts";
import { p3 } from "./rows/p3.ts";
import { p4 } from "./rows/p4.ts";
import { p5 } from "./rows/p5.ts";
import { p6 } from "./rows/p6.ts";
import { p7 } from "./rows/p7.ts";
import { p8 } from "./rows/p8.ts";
import { p9 } from "./rows/p9.ts";
import { p10 } from "./rows/p10.ts";
import { p11 } from "./rows/p11.ts";
import { p12 } from "./rows/p12.ts";
import { p13 } from "./rows/p13.ts";
import { p14 } from "./rows/p14.ts";
import { p17 } from "./rows/p17.ts";
import { p18 } from "./rows/p18.ts";

export const ROWS: readonly Row[] = [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p17, p18];
