"""A small site with uploads. What differs from run to run comes from the environment."""

import json
import os

FOLDER = os.environ["SITE_FOLDER"]
SECRET_KEY = "made up"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["goodhoster_django"]
MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "urls"
LANGUAGES = [("en", "English"), ("nl", "Nederlands"), ("de", "Deutsch")]
MEDIA_ROOT = f"{FOLDER}/media"
FILE_UPLOAD_HANDLERS = ["goodhoster_django.uploadhandler.CheckedUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 100_000
GOODHOSTER = json.loads(os.environ["SITE_GOODHOSTER"])
