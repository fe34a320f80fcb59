"""For `include`: the addresses of `{% flowrra_progress %}`."""

from django.urls import path

from .views import job_state

app_name = "flowrra_live"
urlpatterns = [path("jobs/<str:token>/", job_state, name="job")]
