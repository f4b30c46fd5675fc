# The image of registry-failover: the bundles and a Node to run them, as a user without rights.
#
# Base images are arguments, so that a mirror or an image of one's own can stand in. For a release pin them by digest:
#   --build-arg BASE_IMAGE=node:26-bookworm-slim@sha256:…
# Node 26 is what the tests run on, and the base must have libatomic.so.1 (the official images do).
ARG BUILD_IMAGE=node:26-bookworm-slim
ARG BASE_IMAGE=node:26-bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# The lock file alone first: this layer is made anew only when a dependency changes.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json build.ts ./
COPY src ./src
RUN npm run build

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="registry-failover" \
      org.opencontainers.image.description="Pods keep starting when their image registry is down" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /src/dist /app
ENV NODE_ENV=production
# A number, not a name: only so can the kubelet see that it is not root.
USER 65532:65532
WORKDIR /app
# The chart writes the same command; a test compares the two.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--max-old-space-size=96", "/app/main.mjs"]
CMD ["--help"]
