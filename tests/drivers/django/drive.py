# SPDX-License-Identifier: PostgreSQL
"""drive.py: Django: migrations of a small application forth and back, and its ORM, plain and over psycopg's pool."""
import concurrent.futures
import decimal
import os
import sys

import django
from django.conf import settings

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, SSLROOT, USER, case, fails, run, show

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
DEFAULT = {"ENGINE": "django.db.backends.postgresql", "HOST": HOST, "PORT": PORT, "USER": USER, "PASSWORD": PASSWORD, "NAME": DATABASE,
           "OPTIONS": dict({"sslmode": SSLMODE}, **({"sslrootcert": SSLROOT} if SSLROOT else {}))}
POOLED = dict(DEFAULT, OPTIONS=dict(DEFAULT["OPTIONS"], pool={"min_size": 1, "max_size": 20}))
settings.configure(DATABASES={"default": DEFAULT, "pooled": POOLED}, USE_TZ=True, TIME_ZONE="UTC",
                   INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"],
                   DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.db.models import Count, F, Sum  # noqa: E402
from shop.models import Customer, Order  # noqa: E402


def tables():
    with connection.cursor() as cur:
        show("tables", sorted(t.name for t in connection.introspection.get_table_list(cur) if t.name.startswith("shop")))


@case
def migrations():
    call_command("migrate", verbosity=1, no_color=True)
    tables()
    call_command("migrate", "shop", "0001", verbosity=1, no_color=True)
    call_command("migrate", "shop", "zero", verbosity=1, no_color=True)
    tables()
    call_command("migrate", verbosity=0)
    call_command("makemigrations", "--check", "--dry-run", verbosity=1)


@case
def mapping():
    for n in range(30):
        c = Customer.objects.create(name="ä%d" % n, extra={"n": [n, None]}, tags=["x", 'y"z'])
        Order.objects.bulk_create([Order(customer=c, total=decimal.Decimal("1.50") * k, note="n") for k in range(4)])
    show("sum", list(Customer.objects.annotate(s=Sum("orders__total"), n=Count("orders")).order_by("id").values_list("name", "s", "n")[:2]))
    show("json", Customer.objects.filter(extra__n__0=7, tags__contains=["x"]).get().name)
    show("updated", Order.objects.filter(total__gt=2).update(total=F("total") + 1))
    show("iterated", sum(1 for _ in Order.objects.all().iterator(chunk_size=10)))
    show("prefetched", sum(len(c.orders.all()) for c in Customer.objects.prefetch_related("orders")))
    show("upserted", Customer.objects.update_or_create(name="ä1", defaults={"extra": {}})[1])
    show("deleted", Customer.objects.filter(name="ä2").delete()[0])


@case
def transactions():
    with fails("unique"):
        with transaction.atomic():
            Customer.objects.create(name="new", extra={}, tags=[])
            with fails("inner"):
                with transaction.atomic():
                    Customer.objects.create(name="ä1", extra={}, tags=[])
            show("outer goes on", Customer.objects.filter(name="new").exists())
            Customer.objects.create(name="ä1", extra={}, tags=[])
    show("rolled back", Customer.objects.filter(name="new").exists())
    with transaction.atomic():
        show("locked", Customer.objects.select_for_update().get(name="ä1").name)
    with connection.cursor() as cur:
        with fails("division"):
            cur.execute("SELECT 1/0")
        with fails("syntax"):
            cur.execute("SELEC 1")


@case
def pool_of_20():
    def work(n):
        try:
            with transaction.atomic(using="pooled"):
                Customer.objects.using("pooled").create(name="p%d" % n, extra={"n": n}, tags=[])
            return Customer.objects.using("pooled").get(name="p%d" % n).extra["n"]
        finally:
            connections["pooled"].close()
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        show("sum", sum(threads.map(work, range(100))))
    connections["pooled"].close_pool()


if __name__ == "__main__":
    run(django.__version__)
    connections.close_all()
