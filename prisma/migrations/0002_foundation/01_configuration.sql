-- What is small: new columns of the configuration, new tables, functions. The large tables follow, a step each.

-- A tenant's rows all say whose they are: keys, row-level security and a distributed Postgres want that.
ALTER TABLE "definition_counter" ADD COLUMN "organization_id" UUID;
UPDATE "definition_counter" c SET "organization_id" = d."organization_id" FROM "webhook_definition" d WHERE d."id" = c."definition_id";
ALTER TABLE "definition_counter" ALTER COLUMN "organization_id" SET NOT NULL;
ALTER TABLE "workflow_rule_definition" ADD COLUMN "organization_id" UUID;
UPDATE "workflow_rule_definition" n SET "organization_id" = r."organization_id" FROM "workflow_rule" r WHERE r."id" = n."rule_id";
ALTER TABLE "workflow_rule_definition" ALTER COLUMN "organization_id" SET NOT NULL;

-- Numbers of 64 bits. The counter is taken a block at a time (number_block), never by a transaction that writes events.
ALTER TABLE "organization_counter" ALTER COLUMN "request_number" TYPE BIGINT;

CREATE TABLE "number_block" (
    "organization_id" UUID NOT NULL,
    "from_number" BIGINT NOT NULL,
    "to_number" BIGINT NOT NULL,
    "first_id" UUID NOT NULL,
    "last_id" UUID NOT NULL,
    "taken_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "number_block_pkey" PRIMARY KEY ("organization_id", "from_number")
);
CREATE INDEX "number_block_last_id_idx" ON "number_block" ("last_id");
ALTER TABLE "number_block" ADD CONSTRAINT "number_block_range" CHECK ("from_number" >= 1 AND "from_number" <= "to_number" AND "first_id" <= "last_id");

-- A definition's ordering may change while requests wait: lanes of a later epoch start when those before are empty.
ALTER TABLE "webhook_definition" ADD COLUMN "ordering_epoch" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "definition_counter"
  ADD COLUMN "open_epoch" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "draining_since" TIMESTAMPTZ(6),
  ADD COLUMN "go_on_since" TIMESTAMPTZ(6),
  ADD COLUMN "cancel_since" TIMESTAMPTZ(6),
  ADD COLUMN "lane_floor" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "lane_floor_at" TIMESTAMPTZ(6),
  ADD COLUMN "lane_floor_xid" BIGINT;

-- What is to be done with all lanes of a definition is a mark on one row; a chore does it in batches.
CREATE INDEX "definition_counter_marked_idx" ON "definition_counter" ("definition_id")
  WHERE "draining_since" IS NOT NULL OR "go_on_since" IS NOT NULL OR "cancel_since" IS NOT NULL;
-- 0.1 left the queue of a deleted definition PENDING for ever.
UPDATE "definition_counter" c SET "cancel_since" = now() FROM "webhook_definition" d WHERE d."id" = c."definition_id" AND d."deleted_at" IS NOT NULL;

-- Which life of the database this is: a restore or a failover makes a new one, and it stands in every cursor.
CREATE TABLE "epoch" (
    "id" UUID NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "made_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "epoch_pkey" PRIMARY KEY ("id")
);

-- What a restore or a failover changes: the cluster, its timeline, the database, and the table itself (a dump that is read back
-- makes or rewrites it). Fails on a standby.
CREATE FUNCTION "database_fingerprint"() RETURNS TEXT LANGUAGE sql STABLE AS
$$ SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
     (SELECT oid FROM pg_database WHERE datname = current_database()), 'epoch'::regclass::oid, pg_relation_filenode('epoch')) $$;

-- Deliveries per definition and minute: each process adds to rows of its own, a chore folds them into those of process zero.
CREATE TABLE "delivery_minute" (
    "organization_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "minute" TIMESTAMPTZ(6) NOT NULL,
    "process" UUID NOT NULL,
    "delivered" INTEGER NOT NULL DEFAULT 0,
    "retried" INTEGER NOT NULL DEFAULT 0,
    "rejected" INTEGER NOT NULL DEFAULT 0,
    "durations" INTEGER[] NOT NULL DEFAULT ARRAY[]::INTEGER[],
    "last_attempt_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "delivery_minute_pkey" PRIMARY KEY ("organization_id", "definition_id", "minute", "process")
);
CREATE INDEX "delivery_minute_organization_id_minute_idx" ON "delivery_minute" ("organization_id", "minute");
CREATE INDEX "delivery_minute_unfolded_idx" ON "delivery_minute" ("minute") WHERE "process" <> '00000000-0000-0000-0000-000000000000';
ALTER TABLE "delivery_minute" SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);

-- Two histograms as one: position by position.
CREATE FUNCTION "add_durations"(a INTEGER[], b INTEGER[]) RETURNS INTEGER[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT COALESCE(array_agg(COALESCE(x, 0) + COALESCE(y, 0) ORDER BY i), ARRAY[]::INTEGER[])
   FROM (SELECT i, a[i] AS x, b[i] AS y FROM generate_series(1, GREATEST(cardinality(a), cardinality(b))) AS i) AS s $$;

-- A feed row of each transaction that has not been numbered yet, and how far the numbers are.
CREATE SEQUENCE "feed_draw" AS BIGINT CACHE 1;
CREATE TABLE "feed_unsequenced" (
    "organization_id" UUID NOT NULL,
    "draw" BIGINT NOT NULL DEFAULT nextval('"feed_draw"'),
    "changes" INTEGER NOT NULL,
    "body" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "feed_unsequenced_pkey" PRIMARY KEY ("organization_id", "draw")
);
ALTER TABLE "feed_unsequenced" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE "feed_head" (
    "organization_id" UUID NOT NULL,
    "sequence" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "feed_head_pkey" PRIMARY KEY ("organization_id")
);
ALTER TABLE "feed_head" SET (fillfactor = 20);

-- Which lanes may be claimed, and when. A lane that is held stands here with the end of its lease.
CREATE TABLE "lane_due" (
    "organization_id" UUID NOT NULL,
    "lane_id" UUID NOT NULL,
    "definition_id" UUID NOT NULL,
    "due_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "lane_due_pkey" PRIMARY KEY ("organization_id", "lane_id")
);
CREATE INDEX "lane_due_due_at_idx" ON "lane_due" ("due_at");
CREATE INDEX "lane_due_parked_idx" ON "lane_due" ("definition_id", "lane_id") WHERE "due_at" = 'infinity';
ALTER TABLE "lane_due" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Versions of what ingest and the sender keep in memory are times: a restore never hands the same one out again.
CREATE OR REPLACE FUNCTION "bump_catalog"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE org uuid; fresh bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  IF TG_TABLE_NAME = 'organization' THEN
    org := NEW.id;
  ELSE
    org := COALESCE(NEW.organization_id, OLD.organization_id);
  END IF;
  IF org IS NOT NULL AND EXISTS (SELECT 1 FROM organization WHERE id = org) THEN
    INSERT INTO organization_catalog (organization_id, version) VALUES (org, fresh)
    ON CONFLICT (organization_id) DO UPDATE SET version = GREATEST(organization_catalog.version + 1, fresh);
  END IF;
  RETURN NULL;
END $$;
UPDATE "organization_catalog" SET "version" = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

CREATE OR REPLACE FUNCTION "make_definition_counter"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO definition_counter (definition_id, organization_id) VALUES (NEW.id, NEW.organization_id); RETURN NULL; END $$;
CREATE OR REPLACE FUNCTION "make_organization_counter"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO organization_counter (organization_id) VALUES (NEW.id);
  INSERT INTO feed_head (organization_id) VALUES (NEW.id);
  RETURN NULL;
END $$;

-- UUIDv7 and time: the smallest id of a moment, and the moment of an id.
CREATE FUNCTION "lowest_id"(moment TIMESTAMPTZ) RETURNS UUID LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid $$;
CREATE FUNCTION "time_of_id"(id UUID) RETURNS TIMESTAMPTZ LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0) $$;

-- A lane's id follows from what it is for: whoever writes to it need not look it up. A UUIDv8 of SHA-256
-- (Postgres has no SHA-1 of its own, and this migration derives ids too).
CREATE FUNCTION "lane_id"(definition_id UUID, epoch INTEGER, key TEXT) RETURNS UUID LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT overlay(overlay(left(encode(sha256(convert_to(definition_id::text || '/' || epoch || '/' || key, 'UTF8')), 'hex'), 32)
     PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid $$;

-- Partitions of the hot tables, their bounds as times.
CREATE VIEW "hot_partition" AS
  SELECT p.relname::text AS parent, c.relname::text AS name, c.oid AS oid, i.inhdetachpending AS detaching,
    CASE p.relname WHEN 'feed_entry' THEN (b.bounds[1])::timestamptz ELSE time_of_id((b.bounds[1])::uuid) END AS since,
    CASE p.relname WHEN 'feed_entry' THEN (b.bounds[2])::timestamptz ELSE time_of_id((b.bounds[2])::uuid) END AS until
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent,
    LATERAL (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?([^'')]+)''?\) TO \(''?([^'')]+)''?\)')) AS m(pair),
    LATERAL (SELECT ARRAY[NULLIF(m.pair[1], 'MINVALUE'), m.pair[2]]) AS b(bounds)
  WHERE p.relnamespace = current_schema()::regnamespace AND p.relname IN ('event', 'webhook_request', 'attempt', 'feed_entry');

-- A partition is read and written through its table, whose policies and rights count. A chore that works on one partition by its
-- name finds the same there: the table's policies, and the rights of whoever may delete from the table.
CREATE FUNCTION "guard_partition"(parent REGCLASS, child REGCLASS) RETURNS VOID LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE policy RECORD; grantee TEXT;
BEGIN
  IF NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = parent) THEN RETURN; END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', child);
  FOR policy IN SELECT p.polname, pg_get_expr(p.polqual, p.polrelid) AS rows,
      (SELECT string_agg(quote_ident(pg_get_userbyid(r)), ', ') FROM unnest(p.polroles) AS r) AS roles
    FROM pg_policy p WHERE p.polrelid = parent AND NOT EXISTS (SELECT 1 FROM pg_policy o WHERE o.polrelid = child AND o.polname = p.polname)
  LOOP
    EXECUTE format('CREATE POLICY %I ON %s TO %s USING (%s)', policy.polname, child, policy.roles, policy.rows);
  END LOOP;
  FOR grantee IN SELECT quote_ident(pg_get_userbyid(a.grantee)) FROM pg_class c, aclexplode(c.relacl) AS a
    WHERE c.oid = parent AND a.privilege_type = 'DELETE' AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('GRANT SELECT, UPDATE, DELETE ON %s TO %s', child, grantee);
  END LOOP;
END $$;

-- Makes what is missing up to `horizon`, in pieces of `minutes` that begin at multiples of it (UTC). The owner's rights, so that
-- the role that delivers needs none to make tables. ATTACH, never PARTITION OF: that would lock the parent against everybody.
CREATE FUNCTION "make_partitions"(horizon TIMESTAMPTZ, minutes INTEGER) RETURNS INTEGER LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE kind TEXT; low TIMESTAMPTZ; high TIMESTAMPTZ; piece INTERVAL := minutes * interval '1 minute'; child TEXT; made INTEGER := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.make_partitions', 0));
  FOREACH kind IN ARRAY ARRAY['event', 'webhook_request', 'attempt', 'feed_entry'] LOOP
    SELECT max(h.until) INTO low FROM hot_partition h WHERE h.parent = kind;
    -- Two hours back: ids of a process whose clock is a little behind have a place too. After a long rest there is a gap.
    low := GREATEST(low, date_bin(piece, now() - interval '2 hours', timestamptz '2000-01-01 00:00:00+00'));
    WHILE low < horizon LOOP
      high := date_bin(piece, low, timestamptz '2000-01-01 00:00:00+00') + piece;
      child := kind || '_' || to_char(low AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MI');
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, kind);
      EXECUTE format('ALTER TABLE %I SET (%s)', child, CASE kind
        WHEN 'webhook_request' THEN 'fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.5'
        ELSE 'autovacuum_vacuum_insert_scale_factor = 0.5' END);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', kind, child,
        CASE kind WHEN 'feed_entry' THEN low::text ELSE lowest_id(low)::text END,
        CASE kind WHEN 'feed_entry' THEN high::text ELSE lowest_id(high)::text END);
      PERFORM guard_partition(kind::regclass, child::regclass);
      made := made + 1;
      low := high;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;
