"""The email that warns a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.pacing import Pacer


@dataclass(frozen=True)
class Notice:
    """The subject and text may contain {date}, the day from which the account may be disabled."""

    ses: Any
    from_address: str
    subject: str
    text: str
    pacer: Pacer
    configuration_set: str = ""

    def send(self, user: Mapping[str, Any], until: float) -> bool:
        """Warn `user`, an answer of AdminGetUser. Return false if the user is disabled or has no verified address."""
        attributes = {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]}
        address = attributes.get("email")
        if not user["Enabled"] or not address or attributes.get("email_verified") != "true":
            return False
        date = datetime.fromtimestamp(until, UTC).date().isoformat()

        def content(text: str) -> dict[str, str]:
            return {"Data": text.replace("{date}", date), "Charset": "UTF-8"}

        self.pacer.wait()
        options = {"ConfigurationSetName": self.configuration_set} if self.configuration_set else {}
        answer = self.ses.send_email(
            FromEmailAddress=self.from_address,
            Destination={"ToAddresses": [address]},
            Content={"Simple": {"Subject": content(self.subject), "Body": {"Text": content(self.text)}}},
            **options,
        )
        self.pacer.report(answer)
        return True
