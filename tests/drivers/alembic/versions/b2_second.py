# SPDX-License-Identifier: PostgreSQL
"""second"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "b2", "a1"


def upgrade():
    sa.Enum("a", "b", name="kind_type").create(op.get_bind())
    op.execute("ALTER TABLE first ADD kind kind_type NOT NULL DEFAULT 'a'")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY first_v ON first (v)")


def downgrade():
    op.drop_index("first_v")
    op.drop_column("first", "kind")
    op.execute("DROP TYPE kind_type")
