-- Nine of ten new versions of a busy lane's row stay on its page now (HOT), where it was two of three. Each that moves is one more entry
-- in the index, and while a snapshot is open (a dump) none goes: whoever moves a row looks at all entries that its key has left. New
-- versions alone go by it; no row is rewritten.
ALTER TABLE "lane" SET (fillfactor = 10);
