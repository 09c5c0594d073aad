"""Registration for the license of the community edition."""

from .client import HTTPClient


class CommunityContactsClient:
    def __init__(self, api: HTTPClient) -> None:
        self.api = api

    def create(self, firstname: str, lastname: str, email: str, phone: str, is_eula: bool) -> str:
        """Register a person, store the license for them, and return the id of the customer."""
        body = {"first_name": firstname, "last_name": lastname, "email": email, "phone": phone, "is_eula": is_eula}
        customer_id = str(self.api.post("/contacts", body).get("customer_id"))
        self.api.post("/license", {"customer_id": customer_id})
        return customer_id
