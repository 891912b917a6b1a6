"""Associations of State Manager: kept and described. No agent runs here, so none is ever carried out.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from local.services.base import operation

from . import neighbours
from .exceptions import AssociationDoesNotExist, InvalidDocument

OWNED = ("AWS-", "Amazon")
"""Names of the documents that AWS owns begin so."""


class Associations:
    """State Manager of one account and Region. Associations name targets, not the older single instance."""

    associations: dict[str, dict[str, Any]]
    _documents: Any

    @operation()
    def create_association(self, name: str, tags: list[dict[str, str]] | None = None, **given: Any) -> dict[str, Any]:
        self._check_document(name)
        now, made = time.time(), str(uuid.uuid4())
        self.associations[made] = {
            "AssociationId": made,
            "AssociationVersion": "1",
            "Date": now,
            "LastUpdateAssociationDate": now,
            "Overview": {"Status": "Pending", "DetailedStatus": "Creating"},
            "Name": name,
            "DocumentVersion": "$DEFAULT",
            **_members(given),
        }
        neighbours.tags[made] = {tag["Key"]: tag["Value"] for tag in tags or ()}  # MiniStack answers what is about tags
        return {"AssociationDescription": self.associations[made]}

    @operation()
    def describe_association(self, association_id: str = "", **_: Any) -> dict[str, Any]:
        return {"AssociationDescription": self._association(association_id)}

    @operation()
    def update_association(self, association_id: str, **given: Any) -> dict[str, Any]:
        found = self._association(association_id)
        if "name" in given:
            self._check_document(given["name"])
        version = str(int(found["AssociationVersion"]) + 1)
        found.update(_members(given), AssociationVersion=version, LastUpdateAssociationDate=time.time())
        return {"AssociationDescription": found}

    @operation()
    def delete_association(self, association_id: str = "", **_: Any) -> dict[str, Any]:
        self._association(association_id)
        del self.associations[association_id]
        neighbours.tags.pop(association_id, None)
        return {}

    def _association(self, association_id: str) -> dict[str, Any]:
        if association_id not in self.associations:
            raise AssociationDoesNotExist("The specified association does not exist.")
        return self.associations[association_id]

    def _check_document(self, name: str) -> None:
        if name not in self._documents and not name.startswith(OWNED):
            raise InvalidDocument(f"Document with name {name} does not exist.")


def _members(given: dict[str, Any]) -> dict[str, Any]:
    return {"".join(part.capitalize() for part in name.split("_")): value for name, value in given.items()}
