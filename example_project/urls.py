"""The site's own pages, the admin, and the addresses of the bars that show how far a job is."""

from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

from example_project.census import views

urlpatterns = [
    path("", views.index, name="index"),
    path("census/", views.start, name="start"),
    path("census/<int:pk>/", views.page, name="census"),
    path("admin/", admin.site.urls),
    path("flowrra/", include("flowrra_django.live.urls")),
    *staticfiles_urlpatterns(),  # which `runserver` adds by itself, and other servers do not
]
