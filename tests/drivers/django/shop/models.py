# SPDX-License-Identifier: PostgreSQL
"""models.py: two tables."""
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=40, unique=True)
    extra = models.JSONField()
    tags = ArrayField(models.TextField())
    since = models.DateTimeField(auto_now_add=True)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    total = models.DecimalField(max_digits=10, decimal_places=2)
    note = models.TextField(default="", db_index=True)
