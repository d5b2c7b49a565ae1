# kshot as a container: `docker build -t kshot .`, then for this machine alone
# `docker run -p 127.0.0.1:8000:8000 -e KSHOT_ALLOW_ANONYMOUS=true -v kshot-models:/var/lib/kshot/models kshot`.
# For others give it API keys (KSHOT_KEYS) instead: without either it doesn't start, as it can't know what is published.
#
# Build arguments
#   BASE_IMAGE       anything with Python 3.11 or later as python3, venv included
#   TORCH_INDEX_URL  the index to take torch from. Empty: pip's own, where torch for x86-64 Linux is a CUDA build of
#                    several GB that runs on the CPU as well. PyTorch's installation page names the indexes of the CPU
#                    builds (ten times smaller) and of each CUDA version.
#   PIP_ARGS         further arguments for every `pip install`
#
# For a GPU, add `--gpus all` to `docker run`; KSHOT_DEVICE=auto finds it.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS builder
ARG TORCH_INDEX_URL=""
ARG PIP_ARGS=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/kshot
# torch first and alone: a change of the sources then doesn't download it again.
COPY constraints.txt ./
RUN /opt/kshot/bin/pip install ${PIP_ARGS} ${TORCH_INDEX_URL:+--index-url ${TORCH_INDEX_URL}} -c constraints.txt torch
COPY . .
RUN /opt/kshot/bin/pip install ${PIP_ARGS} -c constraints.txt ./kshot '.[fast,otel,s3,text]'

FROM ${BASE_IMAGE}
RUN groupadd --system --gid 10001 kshot \
    && useradd --system --uid 10001 --gid kshot --home-dir /var/lib/kshot --create-home kshot \
    && install -d -o kshot -g kshot /var/lib/kshot/models
COPY --from=builder /opt/kshot /opt/kshot
# 0.0.0.0 is the container's own network: what is published, and to whom, is decided by whoever runs it.
ENV PATH=/opt/kshot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    KSHOT_HOST=0.0.0.0 \
    KSHOT_PORT=8000 \
    KSHOT_STORE=/var/lib/kshot/models
# app/server/process.py's: `kshot serve` would set them and start itself anew.
ENV MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=33554432 \
    MALLOC_TRIM_THRESHOLD_=134217728 \
    MALLOC_TOP_PAD_=16777216 \
    OMP_WAIT_POLICY=PASSIVE \
    PROMETHEUS_DISABLE_CREATED_SERIES=true \
    ORT_DISABLE_TELEMETRY=1
# By number, so that Kubernetes can see that it isn't root.
USER 10001:10001
WORKDIR /var/lib/kshot
VOLUME /var/lib/kshot/models
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"KSHOT_PORT\"]}/readyz', timeout=2)"]
ENTRYPOINT ["kshot"]
CMD ["serve"]
