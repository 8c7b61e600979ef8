# The demo and the tests in a container. This file is not built by the project's own tests.
#
#   docker build --tag tf_gan_lth .
#   docker run --rm --volume "$PWD/runs:/tf_gan_lth/runs" tf_gan_lth            # the demo
#   docker run --rm tf_gan_lth bash scripts/test.sh                             # the tests
#   docker run --rm --volume "$PWD/runs:/tf_gan_lth/runs" tf_gan_lth \
#       tf-gan-lth find_ticket --flagfile=sngan_digits.flags --run_dir=runs/demo --rounds=12

FROM python:3.12-slim

# git: what makes a run is recorded with its revision. strace: some tests record what a run writes.
RUN apt-get update && apt-get install --yes --no-install-recommends git strace \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /tf_gan_lth
COPY . .
# What demo.sh and test.sh install; both find it made.
RUN bash -c 'source scripts/setup.sh && install && install test'
ENV PATH=/tf_gan_lth/.venv/bin:$PATH
CMD ["bash", "scripts/demo.sh"]
