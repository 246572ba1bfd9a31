-- Test deliveries that are under way. They stand in no lane: whoever outlives their process finds them here, and settles them.
CREATE TABLE "sending_test" (
  "organization_id" UUID NOT NULL,
  "request_id" UUID NOT NULL,
  -- By then whoever sent it has settled it, or is gone.
  "gives_up_at" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "sending_test_pkey" PRIMARY KEY ("organization_id", "request_id"),
  CONSTRAINT "sending_test_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
-- An erasure that goes by events alone erases those that no request was made of, too, once it is done with the requests: it has dealt
-- with all up to this one. Null: it is at the requests.
ALTER TABLE "erasure" ADD COLUMN "events_after" UUID;
