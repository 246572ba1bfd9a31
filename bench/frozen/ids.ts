/** UUIDv7 as 357844b made them: sorted by the millisecond, within one by a counter. */
import { randomBytes } from "node:crypto";

let lastTime = 0;
let counter = 0;

export function newId(): string {
  const random = randomBytes(10);
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    counter = (random[0] as number) << 3;
  } else if (++counter > 0xfff) {
    lastTime++;
    counter = 0;
  }
  const time = lastTime.toString(16).padStart(12, "0");
  random[0] = (counter >> 8) | 0x70;
  random[1] = counter & 0xff;
  random[2] = ((random[2] as number) & 0x3f) | 0x80;
  const tail = random.toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8)}`;
}

export const newIds = (count: number): string[] => Array.from({ length: count }, newId);
