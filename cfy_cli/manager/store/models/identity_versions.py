"""Renew the version of each user whose rights change, whichever table the change is in."""

from sqlalchemy import ColumnElement, Connection, event, inspect, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Mapper

from cfy_cli.manager.store.models.identity import Membership, User, new_version
from cfy_cli.manager.store.models.user_groups import GroupMember, GroupRole, UserGroup

USER_FIELDS = ("password", "role", "active")  # of a user: they decide what the user may do


@event.listens_for(User, "before_update")
def _renew_changed_user(_mapper: Mapper[User], _connection: Connection, user: User) -> None:
    attributes = inspect(user).attrs
    if any(attributes[name].history.has_changes() for name in USER_FIELDS):
        user.version, user.token_stamp = new_version(), new_version()


@event.listens_for(UserGroup, "before_update")
def _renew_changed_group(_mapper: Mapper[UserGroup], connection: Connection, group: UserGroup) -> None:
    if inspect(group).attrs["role"].history.has_changes():
        _renew(connection, _is_member_of(group.storage_id))


@event.listens_for(Membership, "after_insert")
@event.listens_for(GroupMember, "after_insert")
def _renew_new_member(
    _mapper: Mapper[Membership | GroupMember], connection: Connection, member: Membership | GroupMember
) -> None:
    _renew(connection, User.storage_id == member.user_storage_id, may_do_less=False)


@event.listens_for(Membership, "after_update")
@event.listens_for(Membership, "after_delete")
@event.listens_for(GroupMember, "after_delete")
def _renew_changed_member(
    _mapper: Mapper[Membership | GroupMember], connection: Connection, member: Membership | GroupMember
) -> None:
    _renew(connection, User.storage_id == member.user_storage_id)


@event.listens_for(GroupRole, "after_insert")
def _renew_with_new_role(_mapper: Mapper[GroupRole], connection: Connection, role: GroupRole) -> None:
    _renew(connection, _is_member_of(role.group_storage_id), may_do_less=False)


@event.listens_for(GroupRole, "after_update")
@event.listens_for(GroupRole, "after_delete")
def _renew_with_changed_role(_mapper: Mapper[GroupRole], connection: Connection, role: GroupRole) -> None:
    _renew(connection, _is_member_of(role.group_storage_id))


def _is_member_of(group_storage_id: int) -> ColumnElement[bool]:
    members = select(GroupMember.user_storage_id).where(GroupMember.group_storage_id == group_storage_id)
    return User.storage_id.in_(members)


def _renew(connection: Connection, which: ColumnElement[bool], *, may_do_less: bool = True) -> None:
    """End what processes remember of the logins of users, and their signed tokens when they may do less now."""
    values = {"version": new_version(), **({"token_stamp": new_version()} if may_do_less else {})}
    connection.execute(sql_update(User).where(which).values(values))
