# Parley in a container: the binary and the libraries it is linked with, run as an ordinary user. There is no PostgreSQL
# in it: PARLEY_DATABASE_URL (or PARLEY_DATABASE_URL_FILE) must name one. docker-compose.yml brings one along.

FROM golang:1.26-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libvips-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -buildvcs=false -trimpath -o /out/parley \
      -ldflags "-s -w -X parley/config.version=${VERSION} -X parley/config.commit=${COMMIT}" .

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libvips42 \
 && rm -rf /var/lib/apt/lists/*
# The number is fixed, so that files outside (volumes, secrets) can be given to it.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/parley --shell /usr/sbin/nologin parley \
 && install -d -o parley -g parley -m 0700 /var/lib/parley
COPY --from=build /out/parley /usr/local/bin/parley

ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="A messaging app that you run yourself" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"

ENV PARLEY_ADDR=:8080 \
    PARLEY_DATA_DIR=/var/lib/parley
USER 10001:10001
WORKDIR /var/lib/parley
VOLUME /var/lib/parley
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/local/bin/parley", "health"]
ENTRYPOINT ["/usr/local/bin/parley"]
