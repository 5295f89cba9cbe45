# fbdeploy in a container, by the same steps as `make deploy`:
#   docker build --tag fbdeploy .
#   docker run --rm --volume "$PWD:/work" fbdeploy deploy --output out
FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/fbdeploy
COPY . .
RUN make .venv/.installed PYTHON=python3.11
WORKDIR /work
ENTRYPOINT ["/opt/fbdeploy/.venv/bin/fbdeploy"]
CMD ["--help"]
