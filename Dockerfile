# One image for the web server (its CMD), the worker (python manage.py qcluster) and what must run
# before them (python manage.py prepare).

FROM python:3.13-slim AS build
ENV PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /venv
# Alone, so that a change of the code does not install everything again.
COPY requirements.lock .
RUN pip install --quiet --no-deps --require-hashes -r requirements.lock
COPY . .
# The settings ask for a key; nothing of it stays in the files that this collects.
RUN SECRET_KEY=only-to-collect-static-files python manage.py collectstatic --no-input

FROM python:3.13-slim
# What `manage.py backup` and `restore` call; Debian 13 brings version 17, which takes all before it.
RUN apt-get update -qq && \
    apt-get install -qq --yes --no-install-recommends postgresql-client && \
    rm -rf /var/lib/apt/lists/*
RUN useradd --system --no-create-home --shell /usr/sbin/nologin karani
COPY --from=build /venv /venv
# The code belongs to root: the process that serves it cannot change it.
COPY --from=build /app /app
WORKDIR /app
RUN install --directory --owner=karani --group=karani data
USER karani
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000
VOLUME /app/data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import os; \
from urllib.request import ProxyHandler, build_opener; \
url = f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz'; \
build_opener(ProxyHandler({})).open(url, timeout=3)"]
CMD ["gunicorn", "-c", "python:project.gunicorn", "project.wsgi"]
