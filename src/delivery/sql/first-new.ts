/**
 * Where the queue of a lane begins, of which `l` is the row, without what was settled once and is sent again: it is as old as its event,
 * and waits since somebody resent it. Of a lane ordered NONE nobody counts what is settled.
 */
export const FIRST_NEW = "GREATEST(l.read_from, l.settled_number + 1)";
