"""Lists of the labels that visible rows have: their keys, or the values of one key."""

from sqlalchemy import func, or_, select

from cfy_cli.manager.store.listing import Listing, Page
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.labels import Label
from cfy_cli.manager.store.query import Condition, all_of, column
from cfy_cli.manager.store.rule_operators import contains_folded
from cfy_cli.manager.store.store import Store


def list_labels(
    store: Store, model: type[Base], listing: Listing, where: Condition, key: str | None = None
) -> Page[str]:
    """Return a page of the keys of labels, or of the values of a key, each once and sorted.

    An index gives each text from the one before it, so that not all labels are read.
    """
    relationship = column(model, "labels").property
    [(_, owner)] = relationship.local_remote_pairs
    label: type[Label] = relationship.mapper.class_
    text = label.value.expression if key else label.key.expression
    of_key = all_of(*([label.key == key.lower()] if key else []))
    texts = select(func.min(text).label("text")).where(of_key).cte("texts", recursive=True)
    following = select(func.min(text)).where(of_key, text > texts.c.text).correlate(texts).scalar_subquery()
    texts = texts.union_all(select(following).where(texts.c.text.is_not(None)))

    visible = store.visible(model, all_tenants=listing.all_tenants).where(where, model.storage_id == owner)
    has_visible = visible.with_only_columns(model.storage_id).where(of_key, text == texts.c.text).correlate(texts)
    found = select(texts.c.text).where(texts.c.text.is_not(None), has_visible.exists())
    if listing.searches:
        found = found.where(or_(*(contains_folded(texts.c.text, word) for _, word in listing.searches)))
    session = store.unscoped
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    page = session.scalars(found.order_by(texts.c.text).offset(listing.offset).limit(listing.size)).all()
    return Page(page, total, listing.offset, listing.size)
