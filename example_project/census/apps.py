"""The Django app."""

from django.apps import AppConfig


class CensusConfig(AppConfig):
    name = "example_project.census"
    verbose_name = "Census of Python source"
