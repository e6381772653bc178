# SPDX-License-Identifier: PostgreSQL
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_first")]
    operations = [
        migrations.CreateModel("Order", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("total", models.DecimalField(decimal_places=2, max_digits=10)),
            ("note", models.TextField(db_index=True, default="")),
            ("customer", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="orders", to="shop.customer")),
        ]),
        migrations.RunSQL("INSERT INTO shop_customer (name, extra, tags, since) VALUES ('seed', '{}', '{}', now())", migrations.RunSQL.noop),
    ]
