# One image recipe for every app: docker build --build-arg APP=npm .
# syntax=docker/dockerfile:1

ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts && npm run build

# Only what the chosen app needs at run time: its own dependencies and the built libraries, no tools.
FROM ${NODE_IMAGE} AS deploy
ARG APP
WORKDIR /app
COPY --from=build /src/package.json /src/package-lock.json /src/.npmrc ./
COPY --from=build /src/libs libs
COPY --from=build /src/apps apps
COPY --from=build /src/tools tools
RUN test -n "$APP" && test -d "apps/$APP" \
 && npm ci --workspace "apps/$APP" --omit=dev --omit=optional --ignore-scripts \
 && find apps libs -name src -prune -exec rm -rf {} + \
 && find apps -mindepth 1 -maxdepth 1 ! -name "$APP" -exec rm -rf {} + \
 && rm -rf tools && ln -s "apps/$APP/dist/main.js" main.js

FROM ${NODE_IMAGE}
ENV NODE_ENV=production DATA_DIR=/data HOST=0.0.0.0
WORKDIR /app
COPY --from=deploy /app .
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
# Node itself is PID 1, so that SIGTERM reaches it and it drains.
ENTRYPOINT ["node", "--enable-source-maps", "main.js"]
