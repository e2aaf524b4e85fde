# The dependencies are built in a layer of their own, from the manifests alone, so that a change of our own
# code builds our own code only. No cache mounts: some hosts build without BuildKit.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
ENV SQLX_OFFLINE=true CARGO_TERM_COLOR=never
COPY Cargo.toml Cargo.lock ./
COPY kernel/Cargo.toml kernel/
COPY market/Cargo.toml market/
RUN mkdir -p src tests/it kernel/src market/src \
 && touch src/lib.rs tests/it/main.rs kernel/src/lib.rs market/src/lib.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --release --locked --bin otree-hr
COPY . .
# What was built above is newer than the sources just copied; say that they changed.
RUN touch src/*.rs kernel/src/lib.rs market/src/lib.rs \
 && cargo build --release --locked --bin otree-hr

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/otree-hr otree-hr
COPY --from=build /src/target/release/otree-hr /usr/local/bin/
USER otree-hr
WORKDIR /var/lib/otree-hr
ENV PORT=8000 LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
CMD ["otree-hr", "serve"]
