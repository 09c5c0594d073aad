"""Lists of the labels that visible rows have: their keys, or the values of one key."""

from sqlalchemy import func, or_, select

from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.query import Condition, column
from cfy_cli.manager.store.rule_operators import contains_folded
from cfy_cli.manager.store.store import Store


def list_labels(
    store: Store, model: type[Base], listing: Listing, where: Condition, key: str | None = None
) -> Page[str]:
    """Return a page of the keys of labels, or of the values of a key, each once and sorted."""
    relationship = column(model, "labels").property
    [(_, owner)] = relationship.local_remote_pairs
    label: type[Label] = relationship.mapper.class_
    text = label.value if key else label.key
    visible = store.visible(model, all_tenants=listing.all_tenants).where(where).with_only_columns(model.storage_id)
    found = select(text.label("text")).where(owner.in_(visible)).distinct()
    if key:
        found = found.where(label.key == key.lower())
    if listing.searches:
        found = found.where(or_(*(contains_folded(text.expression, word) for _, word in listing.searches)))
    session = store.unscoped
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    texts = session.scalars(found.order_by(text).offset(listing.offset).limit(listing.size)).all()
    return Page(texts, total, listing.offset, listing.size)
