# SPDX-License-Identifier: PostgreSQL
"""first"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "a1", None


def upgrade():
    op.create_table("first", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("v", sa.Text, nullable=False))
    op.bulk_insert(sa.table("first", sa.column("v")), [{"v": "ä%d" % i} for i in range(50)])


def downgrade():
    op.drop_table("first")
