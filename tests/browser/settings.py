"""The example's settings, with tasks to try things on, and as strict as a careful site's."""

from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "tests.browser"]
MIDDLEWARE = ["tests.browser.policy.strict", *MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # which takes no time
