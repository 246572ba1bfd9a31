-- An episode that lasts as long as its cause is seen: a quota that goes on refusing.
ALTER TABLE "alert" ADD COLUMN "seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
