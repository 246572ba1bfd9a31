-- Accounts: e-mails are unique per organization, people can be disabled or come from an OpenID provider, and every change of
-- rights tells itself.

-- A username is one that was given. The e-mail as a username would be unique over all organizations, and creating a user would
-- tell whether another one has that e-mail.
ALTER TABLE "users" ALTER COLUMN "username" DROP NOT NULL,
  ADD COLUMN "disabled_at" TIMESTAMPTZ(6),
  ADD COLUMN "oidc_issuer" TEXT,
  ADD COLUMN "oidc_subject" TEXT;
UPDATE "users" SET "username" = NULL WHERE "username" = "email";
DROP INDEX "users_email_key";
CREATE UNIQUE INDEX "users_organization_id_email_key" ON "users"("organization_id", "email");
CREATE UNIQUE INDEX "users_organization_id_oidc_issuer_oidc_subject_key" ON "users"("organization_id", "oidc_issuer", "oidc_subject");
CREATE INDEX "users_email_idx" ON "users"("email");

-- From where a session was begun, for the person who looks over theirs.
ALTER TABLE "session" ADD COLUMN "address" TEXT;
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- Who changes what somebody may do, by whatever statement, tells every process in the same transaction: no caller can forget it.
-- What a process believes of a credential it forgets then, and asks anew for its open sockets and streams.
CREATE FUNCTION "tell_rights"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hookline_revoked', OLD.id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER "tell_change" AFTER UPDATE ON "users" FOR EACH ROW
  WHEN ((OLD.role, OLD.disabled_at) IS DISTINCT FROM (NEW.role, NEW.disabled_at)) EXECUTE FUNCTION "tell_rights"();
CREATE TRIGGER "tell_end" AFTER DELETE ON "users" FOR EACH ROW EXECUTE FUNCTION "tell_rights"();
CREATE TRIGGER "tell_change" AFTER UPDATE ON "api_token" FOR EACH ROW
  WHEN ((OLD.user_id, OLD.hash, OLD.role, OLD.scopes, OLD.application, OLD.operator, OLD.expires_at, OLD.revoked_at)
    IS DISTINCT FROM (NEW.user_id, NEW.hash, NEW.role, NEW.scopes, NEW.application, NEW.operator, NEW.expires_at, NEW.revoked_at))
  EXECUTE FUNCTION "tell_rights"();
CREATE TRIGGER "tell_end" AFTER DELETE ON "api_token" FOR EACH ROW EXECUTE FUNCTION "tell_rights"();
CREATE TRIGGER "tell_change" AFTER UPDATE ON "session" FOR EACH ROW
  WHEN ((OLD.user_id, OLD.api_token_id, OLD.hash, OLD.expires_at, OLD.revoked_at)
    IS DISTINCT FROM (NEW.user_id, NEW.api_token_id, NEW.hash, NEW.expires_at, NEW.revoked_at))
  EXECUTE FUNCTION "tell_rights"();
CREATE TRIGGER "tell_end" AFTER DELETE ON "session" FOR EACH ROW WHEN (OLD.revoked_at IS NULL) EXECUTE FUNCTION "tell_rights"();
