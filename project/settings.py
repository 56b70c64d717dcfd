"""Django's settings, made from the environment (see ``environment.py``)."""

import logging
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from django.urls import reverse_lazy

from identity.scopes import ALL_SCOPES
from project import backoffice
from project.environment import BASE_DIR, environment

django_stubs_ext.monkeypatch()  # lets ModelForm[Order] and the like be written at run time

# --- Where and how it runs ---------------------------------------------------------------------

DEBUG = environment.debug
SECRET_KEY = environment.secret_key or environment.kept_secret("secret_key")
if not SECRET_KEY:
    raise SystemExit(
        "Wrong setting. SECRET_KEY: is required when DEBUG is off. Make one with: "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
PUBLIC_URL = environment.address
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = [_public.hostname or "", *environment.allowed_hosts]
if DEBUG:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

# --- Apps --------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "project",  # whose templates and static files replace those of all others
    # Unfold and its parts stand before the apps whose templates they replace.
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "corsheaders",
    "ninja",  # serves the API's documentation pages from our own static files
    "import_export",
    "simple_history",
    "identity.provider.engine.OAuthEngineConfig",
    "django_q",
    "identity",  # before allauth, whose templates it replaces
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "sms",
    "crm",
]

MIDDLEWARE = [
    "project.request_ids.RequestIDMiddleware",
    "project.client_addresses.ClientAddressMiddleware",
    "project.health.LivenessMiddleware",
    "project.problems.ProblemsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "project.compression.CompressionMiddleware",  # outside of all that read or write a page
    "project.content_security.ContentSecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "project.request_bodies.BodySizeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "identity.people.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "identity.people.middleware.RequireTwoFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "project.site.site",
            ],
        },
    },
]

# --- Database ----------------------------------------------------------------------------------

DATABASES = {"default": environment.database}
DATA_DIR = environment.data_dir
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ------------------------------------------------------------------------------------

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["identity.backends.UsernameOrEmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("account_login")
SESSION_ENGINE = "identity.session_store"

# --- The front door, which django-allauth keeps ------------------------------------------------

ACCOUNT_ADAPTER = "identity.people.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "identity.people.forms.SignInForm",
    "reauthenticate": "identity.people.forms.PasswordAgainForm",
    "change_password": "identity.people.forms.NewPasswordForm",
    "reset_password": "identity.people.forms.ForgottenPasswordForm",
    "reset_password_from_key": "identity.people.forms.PasswordByLinkForm",
    "set_password": "identity.people.forms.FirstPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_RATE_LIMITS = False  # they are kept in the cache; ours are rows: `identity.guard`
# Who is signed in sees the sign-in page, too: apps send people there to sign in anew.
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_EMAIL_VERIFICATION = "optional"  # a sign-up begins with it: see `crm.sign_up`
ACCOUNT_CHANGE_EMAIL = True  # an account has one address
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # to change what people sign in with
ACCOUNT_EMAIL_NOTIFICATIONS = True  # that it was changed

MFA_ADAPTER = "identity.two_factor.TwoFactorAdapter"
MFA_FORMS = {
    "activate_totp": "identity.people.forms.FirstCodeForm",
    "authenticate": "identity.people.forms.CodeForm",
    "authenticate_webauthn": "identity.people.forms.PasskeyForm",
    "reauthenticate": "identity.people.forms.CodeAgainForm",
    "reauthenticate_webauthn": "identity.people.forms.PasskeyAgainForm",
    "login_webauthn": "identity.people.forms.PasskeySignInForm",
    "add_webauthn": "identity.people.forms.NewPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # what is meant is asked by `identity.people.views`
MFA_RATE_LIMITS = False  # a passkey is not guessed; codes are limited by `identity.guard`
MFA_TOTP_TOLERANCE = 1  # of 30 seconds, for clocks that differ
MFA_RECOVERY_CODE_DIGITS = 10
REQUIRE_TWO_FACTOR = environment.require_two_factor  # of Administrators

SOCIALACCOUNT_EMAIL_REQUIRED = False  # it may tell none
SOCIALACCOUNT_ADAPTER = "identity.people.upstream.UpstreamAdapter"
UPSTREAM_OIDC = environment.upstream_oidc  # or nothing

# --- Mail --------------------------------------------------------------------------------------

globals().update(environment.email)  # EMAIL_BACKEND and, with a server, where it is
EMAIL_TIMEOUT = 10  # seconds; people wait for it
DEFAULT_FROM_EMAIL = environment.email_from or f"no-reply@{_public.hostname}"

# --- OpenID provider ----------------------------------------------------------------------------

ISSUER = f"{PUBLIC_URL}/o"  # fixed: else it would follow the Host header
PHONE_NUMBER_SOURCE = "crm.customers.phone_number_of"  # the claim: identity knows no customers
OAUTH2_PROVIDER_APPLICATION_MODEL = "identity.Application"
OAUTH2_PROVIDER_GRANT_MODEL = "identity.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "identity.AccessToken"  # noqa: S105  # a model, no secret
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "identity.RefreshToken"  # noqa: S105  # a model, no secret
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "identity.IDToken"  # noqa: S105  # a model, no secret
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "identity.DeviceGrant"
OAUTH2_PROVIDER: dict[str, Any] = {
    "OIDC_ISS_ENDPOINT": ISSUER,
    "OAUTH2_SERVER_CLASS": "identity.provider.server.Server",
    "OAUTH2_VALIDATOR_CLASS": "identity.provider.validator.Validator",
    "OAUTH2_BACKEND_CLASS": "identity.provider.server.Core",
    "ACCESS_TOKEN_GENERATOR": "identity.provider.tokens.new_access_token",
    "REFRESH_TOKEN_GENERATOR": "identity.provider.tokens.new_refresh_token",
    "SCOPES": ALL_SCOPES,
    "DEFAULT_SCOPES": [],
    "ACCESS_TOKEN_EXPIRE_SECONDS": 15 * 60,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,  # from the last use; see identity.provider
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],  # what else there is, `identity.Application` says
    **{
        f"COMPLIANT_BCP_RFC9700_{rule}": True
        for rule in (
            *("IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "PKCE_REQUIRED"),
            *("ACCESS_TOKEN_TRANSPORT", "TOKEN_STORAGE", "REFRESH_TOKEN", "AUTHZ_RESPONSE_ISS"),
            *("REDIRECT_URI_SCHEME", "REDIRECT_URI_MATCHING"),
        )
    },
}

# Pages of other sites may read these: the API, and what apps ask the provider. Without cookies.
CORS_URLS_REGEX = (
    r"^/(api/.*|o/(token|userinfo|revoke_token|jwks)/|(o/)?\.well-known/(openid|oauth)-.*)$"
)
CORS_ALLOWED_ORIGINS = environment.cors_allowed_origins  # beside those of connected apps
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "idempotency-key", "if-match", "x-request-id"),
]
CORS_EXPOSE_HEADERS = [
    *("content-disposition", "etag", "idempotent-replayed", "retry-after", "www-authenticate"),
    "x-request-id",
]

# --- Language and place ------------------------------------------------------------------------

BUSINESS_NAME = environment.business_name
CURRENCY = environment.currency
DEFAULT_REGION = environment.default_region
# What programs are told, and what is written down: the API, the logs, the worker, spreadsheets. The
# pages speak the language of whoever reads them, see `identity.languages`.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("sw", "Kiswahili")]
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]  # one catalog for all apps, and for Unfold
FORMAT_MODULE_PATH = "project.formats"
LANGUAGE_COOKIE_NAME = "language"
BUSINESS_LANGUAGE = environment.language_code  # of a page, while its reader has not chosen
TIME_ZONE = environment.time_zone
USE_I18N = True
USE_TZ = True

# --- Static files ------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static_collected"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG  # a fresh checkout needs no collectstatic

# --- Security ----------------------------------------------------------------------------------

IS_HTTPS = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
# Asked by the platform over plain HTTP; and what the gateway sends, which a redirect would lose.
SECURE_REDIRECT_EXEMPT = [r"^readyz$", r"^sms/callbacks/"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "identity.people.stale_form.stale_form"
# Bytes of one API body. 1,000 orders at once are 0.4 MB, and 1.5 MB where every letter of their
# items is written as an escape, as many programs write what is not English.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# Bytes of a form with files, which go to disk: a sheet of 10 MB and the fields beside it.
UPLOAD_MAX_SIZE = 10 * 1024 * 1024 + 64 * 1024
TRUSTED_PROXIES = environment.trusted_proxies
TRUSTED_PROXY_HEADER = environment.trusted_proxy_header
API_RATE = environment.api_rate  # requests a minute
GUARD_FACTOR = 1  # stretches the limits of identity.guard, for a run that tries a great deal

# --- Texts -------------------------------------------------------------------------------------

SMS_GATEWAY = environment.sms_gateway
AFRICASTALKING_USERNAME = environment.africastalking_username
AFRICASTALKING_API_KEY = environment.africastalking_api_key
AFRICASTALKING_SENDER_ID = environment.africastalking_sender_id
AFRICASTALKING_BASE_URL = environment.africastalking_base_url
# In the path of the gateway's callbacks; without one they are closed.
SMS_CALLBACK_SECRET = environment.callback_secret
SMS_CONCURRENCY = environment.sms_concurrency  # requests in flight, of each worker process
SMS_RATE = environment.sms_rate  # texts a second, of all workers together; 0: no limit
# When broadcasts wait, from and until which time of the business's day; None: at no hour.
SMS_QUIET_HOURS = environment.sms_quiet_hours
SMS_OPT_OUT_LINE = environment.sms_opt_out_line  # at the end of each broadcast; empty: our own
# How long the sender waits for what, in seconds; the tests shorten it.
AFRICASTALKING_READ_TIMEOUT = 10.0
SMS_LEASE = 25.0  # after which a worker that has a text is gone; an attempt takes 15 at most
SMS_BACKOFF = (1.0, 60.0)  # until a text that did not reach the gateway is tried again: doubled
SMS_PROBE_EVERY = (2.0, 60.0)  # while the gateway cannot be reached: doubled
SMS_BALANCE_PROBE = 5 * 60.0  # while its account is empty
SMS_RECOVERY = 15.0  # until a line that a 429 has slowed is twice as fast
# Until each further try of a text that the gateway turned away, by its code; then it has failed.
SMS_RETRY_DELAYS = {
    407: (15 * 60.0,),
    500: (30.0, 120.0, 600.0, 1800.0, 7200.0),
    501: (30.0, 120.0, 600.0, 1800.0, 7200.0),
    502: (5 * 60.0,),
}

# --- Queue -------------------------------------------------------------------------------------

# Seconds; the longest task is `sms.tasks.drain`: it begins texts for 12 s, then waits 15 s at most
# for the last answers, and has 5 s to write them down while a database begins anew.
_TASK_TIMEOUT = 35

Q_CLUSTER = {
    "name": "karani",
    "label": "Queue",
    "broker_class": "project.broker.Broker",
    "orm": "default",
    "workers": environment.queue_workers,
    "poll": 0.2,  # seconds
    # The lock on a task starts when it is fetched, not when it starts: with as many fetched as
    # there are workers, a task may wait one timeout, run one, and keep one as a margin.
    "queue_limit": environment.queue_workers,
    "timeout": _TASK_TIMEOUT,
    "retry": 3 * _TASK_TIMEOUT + 5,
    # A task that failed or ran out of time comes back after `retry`: its row says what is left to
    # do. Acknowledged, it would be gone, and its text with it.
    "ack_failures": False,
    "save_limit": -1,  # keep failures only; a limit would run a query over the successes each time
    "catch_up": False,
    "cache": "worker_status",
}
CACHES = {
    "default": environment.cache,
    # The worker writes its state here twice a second; nobody else needs it.
    "worker_status": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "worker_status",
    },
}

# --- API ---------------------------------------------------------------------------------------

NINJA_PAGINATION_CLASS = "project.pagination.KeysetPagination"

# --- Spreadsheets ------------------------------------------------------------------------------

# Each is the prefix of a permission's codename, as in "import_customer".
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"

# --- History -----------------------------------------------------------------------------------

SIMPLE_HISTORY_REVERT_DISABLED = True  # a revert would save past the operations

# --- The admin's face --------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": BUSINESS_NAME,
    "SITE_HEADER": BUSINESS_NAME,
    "SITE_SYMBOL": "storefront",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": backoffice.favicon,
        }
    ],
    "ENVIRONMENT": "project.banners.badge",
    "GLOBAL_CALLBACK": "project.banners.context",
    "DASHBOARD_CALLBACK": "project.home.home",
    "COLORS": backoffice.COLORS,
    "STYLES": [backoffice.stylesheet, backoffice.palette_stylesheet],
    "SCRIPTS": [backoffice.before_paint, backoffice.page_leaving, backoffice.select2_names],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"show_search": True, "navigation": backoffice.navigation},
}

# --- Logs --------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "project.request_ids.RequestIDFilter"}},
    "formatters": {
        "text": {
            "()": "project.logs.TextFormatter",
            "format": "{levelname} {name} {message} [{request_id}]",
            "style": "{",
        },
        "json": {
            "()": "project.logs.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": environment.log_format or ("text" if DEBUG else "json"),
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": environment.log_level},
    "loggers": {
        # Its handlers would print each line twice; below a warning it tells of every poll.
        "django-q": {"level": max(logging.WARNING, logging.getLevelName(environment.log_level))},
        # Django gives these handlers of their own, and each line would be there twice.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
