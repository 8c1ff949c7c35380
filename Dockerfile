# The control plane as an image: built in one stage, run in another as a user without rights.

FROM node:22-slim AS build
WORKDIR /app
# A package below swagger's reports each installation to its maker unless told not to.
ENV SCARF_ANALYTICS=false
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
RUN node scripts/build.mjs
# What runs: no build tools, and no embedded Postgres (docker-compose.yml brings a real one).
RUN npm prune --omit=dev --omit=optional

FROM node:22-slim
# ssh: all that Reeve does on hosts. ipmitool and fence-agents: cutting their power.
RUN apt-get update \
 && apt-get install -y --no-install-recommends openssh-client ipmitool fence-agents \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production REEVE_STATE_DIR=/var/lib/reeve
# Without package-lock.json nothing here tries to install packages.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/bin ./bin
COPY --from=build /app/scripts ./scripts
COPY --from=build /app/dist ./dist
RUN ln -s /app/bin/reeve /usr/local/bin/reeve \
 && install -d -o node -g node -m 0700 /var/lib/reeve
USER node
VOLUME /var/lib/reeve
EXPOSE 7480/tcp 7481/udp
CMD ["node", "--enable-source-maps", "dist/control-plane.js"]
