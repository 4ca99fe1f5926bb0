"""All settings, read from the environment. One machine needs none of them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from labeling.runtime import broker_url, default_redis_url
from labeling.settings.env import (
    database_settings,
    env_bool,
    env_int,
    env_list,
    env_number,
    env_secret_key,
    env_str,
)

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = Path(env_str("BURNISH_VAR", str(BASE_DIR / "var"))).resolve()

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_secret_key(VAR_DIR)
HOST = env_str("HOST", "127.0.0.1")
PORT = env_int("PORT", 8000, minimum=1)
HTTPS = env_bool("HTTPS", False)  # behind a proxy that ends TLS and sets X-Forwarded-Proto


def _hosts() -> list[str]:
    names = ["localhost", "127.0.0.1", "[::1]"]
    if HOST in {"0.0.0.0", "::"}:
        names += [socket.gethostname(), socket.getfqdn(), *_own_addresses()]
    elif HOST not in names:
        names.append(HOST)
    return names


def _own_addresses() -> list[str]:
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)})
    except OSError:
        return []


ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", _hosts())
_scheme = "https" if HTTPS else "http"
CSRF_TRUSTED_ORIGINS = env_list(
    "CSRF_TRUSTED_ORIGINS", [f"{_scheme}://{name}:{PORT}" for name in ALLOWED_HOSTS if name != "*"]
)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "burnish_session"
CSRF_COOKIE_NAME = "burnish_csrf"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "channels",
    "labeling",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "labeling.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "labeling.urls"
ASGI_APPLICATION = "labeling.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database_settings(env_str("DATABASE_URL", f"sqlite:///{VAR_DIR}/db.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env_str("REDIS_URL") or default_redis_url(VAR_DIR)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "capacity": 500, "expiry": 30},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "signin"

# What a person chose in this browser, else what the browser asks for; a program that says nothing gets English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_COOKIE_NAME = "burnish_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # s
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = env_str("STATIC_ROOT") or None  # only for a web server that serves the files itself
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
# Vite puts a hash into every name below dist/assets: those never change.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/.+$"

# Files. BLOB_S3_BUCKET moves them to object storage; nothing else changes.
MEDIA_ROOT = Path(env_str("BURNISH_MEDIA", str(VAR_DIR / "media")))
_bucket = env_str("BLOB_S3_BUCKET")
_blob_storage: dict[str, object] = (
    {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "endpoint_url": env_str("BLOB_S3_ENDPOINT") or None,
            "region_name": env_str("BLOB_S3_REGION") or None,
            "file_overwrite": True,
            "default_acl": None,
        },
    }
    if _bucket
    else {"BACKEND": "labeling.filestore.AtomicFileSystemStorage", "OPTIONS": {"location": MEDIA_ROOT}}
)
STORAGES = {
    "default": _blob_storage,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
UPLOAD_DIR = Path(
    env_str("BURNISH_UPLOADS", str(VAR_DIR / "uploads"))
)  # unfinished uploads, one machine or shared disk
SCRATCH_DIR = Path(env_str("BURNISH_SCRATCH", str(VAR_DIR / "scratch")))  # snapshots and checkpoints of running jobs

# Limits of what people may send.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 2**20
UPLOAD_CHUNK_BYTES = env_int("UPLOAD_CHUNK_BYTES", 8 * 2**20, minimum=1)
MAX_IMAGE_PIXELS = env_int("MAX_IMAGE_PIXELS", 100_000_000, minimum=1)
# Above MAX_IMAGE_PIXELS a picture is read strip by strip; that takes the optional package pyvips.
MAX_STREAMED_PIXELS = env_int("MAX_STREAMED_PIXELS", 1_000_000_000, minimum=1)
MASK_SIDE = env_int("MASK_SIDE", 4096, minimum=256)  # longest side of a mask; larger pictures are reduced for it
MAX_IMAGE_BYTES = env_int("MAX_IMAGE_BYTES", 512 * 2**20, minimum=1)
MAX_ZIP_ENTRIES = env_int("MAX_ZIP_ENTRIES", 50_000, minimum=1)
MAX_ZIP_RATIO = env_int("MAX_ZIP_RATIO", 100, minimum=1)
MAX_ZIP_BYTES = env_int("MAX_ZIP_BYTES", 20 * 2**30, minimum=1)
MAX_MASK_BYTES = env_int("MAX_MASK_BYTES", 16 * 2**20, minimum=1)
MAX_MARKS = env_int("MAX_MARKS", 6_000, minimum=1)

LEASE_S = env_number("LEASE_S", 120, minimum=1)
LEASE_HEARTBEAT_S = env_number("LEASE_HEARTBEAT_S", 30, minimum=1)

# Background work (ARCHITECTURE "Jobs"): the row is the truth, the message is a wake-up.
CELERY_BROKER_URL = env_str("BROKER_URL") or broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "interactive.*": {"queue": "interactive"},
    # A few rows' work, and the `default` worker may be in the middle of a long import.
    "housekeeping.reap_jobs": {"queue": "interactive"},
    # Hundreds wait after an import; in a queue of their own the next import does not wait behind them.
    "encoding.*": {"queue": "encoding"},
    "tiling.*": {"queue": "encoding"},
    "training.*": {"queue": "gpu"},
    "proposing.*": {"queue": "gpu"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Whoever sends does not wait for a broker that is away (kombu would, for seconds); the reaper sends again.
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120.0  # loading torch first takes the interactive worker longer than Celery's 4 s
JOB_BEAT_S = env_number("JOB_BEAT_S", 5, minimum=0.05)
JOB_DEAD_S = env_number("JOB_DEAD_S", 30, minimum=0.1)
JOB_UNTAKEN_S = env_number("JOB_UNTAKEN_S", 60, minimum=0.1)
JOB_MAX_ATTEMPTS = env_int("JOB_MAX_ATTEMPTS", 3, minimum=1)
REAP_EVERY_S = env_number("REAP_EVERY_S", 10, minimum=0.1)
CHECKPOINT_EVERY_S = env_number("CHECKPOINT_EVERY_S", 15, minimum=0.1)  # training that a kill may cost
GARBAGE_GRACE_H = env_number("GARBAGE_GRACE_H", 24, minimum=0)  # unreferenced files and idle uploads live that long
CELERY_BEAT_SCHEDULE = {
    "reap-jobs": {
        "task": "housekeeping.reap_jobs",
        "schedule": REAP_EVERY_S,
        "options": {"expires": REAP_EVERY_S},
    },
    "encode-missing": {"task": "encoding.encode_missing", "schedule": 1800.0, "options": {"expires": 1800.0}},
    "make-missing-tiles": {"task": "tiling.make_missing", "schedule": 1800.0, "options": {"expires": 1800.0}},
    "collect-garbage": {"task": "housekeeping.collect_garbage", "schedule": 6 * 3600.0},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "run" / "beat-schedule")

ENCODER = env_str("ENCODER", "efficientnet_lite0")
SAM_ENCODER = env_str("SAM_ENCODER")  # ONNX files of a segment-anything model, both or neither
SAM_DECODER = env_str("SAM_DECODER")
DEVICE = env_str("DEVICE", "auto")  # auto, cpu or cuda

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labeling.api.authentication.SessionAuthentication",
        "rest_framework.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["labeling.api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "labeling.api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "labeling.api.errors.handle",
    # How many proxies write X-Forwarded-For; without one the header is whatever a guesser sends.
    "NUM_PROXIES": env_int("NUM_PROXIES", 1 if HTTPS else 0),
    "DEFAULT_THROTTLE_RATES": {"sign_in": env_str("SIGN_IN_RATE", "10/min")},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Burnish",
    "DESCRIPTION": "Cheap marks in, polished masks out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "JobStatusEnum": "labeling.models.JobStatus",
        "SplitEnum": "labeling.models.Split",
        "UploadStatusEnum": "labeling.models.Upload.Status",
        "AnnotationStatusEnum": "labeling.models.Annotation.Status",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        # Else the reaper alone writes a line every few seconds.
        **{name: {"level": "WARNING"} for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace")},
        # A line for each row of a damaged picture; the refusal says it once.
        "pyvips": {"level": "ERROR"},
    },
}
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))
