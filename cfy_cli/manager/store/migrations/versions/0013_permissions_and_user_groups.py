"""Create the tables of permissions, user groups, their members and their roles in tenants."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "permissions",
        sa.Column("name", text(64), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "role_permissions",
        sa.Column("role", text(64), nullable=False),
        sa.Column("permission", text(64), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("role", "permission"),
    )
    op.create_table(
        "permissions_version",
        sa.Column("version", text(16), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
    )
    op.create_table(
        "user_groups",
        sa.Column("name", text(256), nullable=False),
        sa.Column("ldap_dn", text(512), nullable=True),
        sa.Column("role", text(64), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("ldap_dn"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "group_members",
        sa.Column("user_storage_id", sa.Integer(), nullable=False),
        sa.Column("group_storage_id", sa.Integer(), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_storage_id"], ["user_groups.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_storage_id"], ["users.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("user_storage_id", "group_storage_id"),
    )
    op.create_index("ix_group_members_group_storage_id", "group_members", ["group_storage_id"])
    op.create_table(
        "group_roles",
        sa.Column("group_storage_id", sa.Integer(), nullable=False),
        sa.Column("tenant_storage_id", sa.Integer(), nullable=False),
        sa.Column("role", text(64), nullable=False),
        sa.Column("storage_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_storage_id"], ["user_groups.storage_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_storage_id"], ["tenants.storage_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("storage_id"),
        sa.UniqueConstraint("group_storage_id", "tenant_storage_id"),
    )
    op.create_index("ix_group_roles_tenant_storage_id", "group_roles", ["tenant_storage_id"])


def downgrade() -> None:
    for table in (
        "group_roles", "group_members", "user_groups", "permissions_version", "role_permissions", "permissions"
    ):  # fmt: skip
        op.drop_table(table)
