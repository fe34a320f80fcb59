"""Imported by the process that CPU children are forked from: sets Django up once for all."""

import django

django.setup()
