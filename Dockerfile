# One image for every role; the command says which. Built in three stages, so that no compiler and no npm is in what runs.
FROM node:24-slim AS assets
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY web ./web
RUN npm run --silent build

FROM python:3.11-slim AS packages
WORKDIR /build
RUN python -m venv /opt/nccid
COPY requirements.run.lock ./
RUN /opt/nccid/bin/pip install --no-cache-dir --require-hashes -r requirements.run.lock
COPY . ./
COPY --from=assets /build/web/static ./web/static
RUN /opt/nccid/bin/pip install --no-cache-dir hatchling==1.27.0 && /opt/nccid/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/nccid/bin/pip uninstall --yes hatchling

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /home/nccid --create-home nccid && install -d -o nccid -g nccid -m 0700 /data /data/data /counts
COPY --from=packages /opt/nccid /opt/nccid
ENV PATH=/opt/nccid/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NCCID_HOME=/data
USER nccid
WORKDIR /data
ENTRYPOINT ["nccid"]
CMD ["--help"]
