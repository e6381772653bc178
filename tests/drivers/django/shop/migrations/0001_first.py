# SPDX-License-Identifier: PostgreSQL
import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Customer", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=40, unique=True)),
            ("extra", models.JSONField()),
            ("tags", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ("since", models.DateTimeField(auto_now_add=True)),
        ]),
    ]
