"""How the web server runs, in ``manage.py up`` and in the image: gunicorn reads this module."""

from project.environment import environment

bind = f"{environment.host}:{environment.port}"
workers = environment.web_concurrency
worker_class = "gthread"
threads = 4
timeout = 60  # seconds; an import of a large sheet is the longest request
limit_request_line = 8190  # bytes, its most: a list with a cursor, and all filters at their longest
loglevel = "warning"
proc_name = "karani-web"
# It would be one file in the home of the user, who may have none, or two installations.
control_socket_disable = True
