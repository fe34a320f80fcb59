from django.urls import path
from shop import views

urlpatterns = [path("orders/<int:pk>/pay/", views.pay), path("orders/<int:pk>/ship/", views.ship)]
