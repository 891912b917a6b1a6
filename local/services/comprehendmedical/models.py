"""ComprehendMedicalBackend: entities of one text."""

from __future__ import annotations

import re
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from local.services.base import operation

from .exceptions import TextSizeLimitExceededException

# https://docs.aws.amazon.com/comprehend-medical/latest/dev/comprehendmedical-quotas.html
BYTES = 20_000
PROTECTED, CONDITION, MEDICINE = "PROTECTED_HEALTH_INFORMATION", "MEDICAL_CONDITION", "MEDICATION"
PATTERNS = (
    (PROTECTED, "NAME", re.compile(r"(?<=\b[Pp]atient )[A-Z]\w+(?: [A-Z]\w+)?")),
    (PROTECTED, "AGE", re.compile(r"\b\d{1,3}(?=[ -]years?[ -]old\b)")),
    (PROTECTED, "ID", re.compile(r"\bMRN[ :#]*(\d{5,})")),
    (PROTECTED, "DATE", re.compile(r"\b\d{1,2}/\d{1,2}/\d{4}\b")),
    (CONDITION, "DX_NAME", re.compile(r"\b(?:diabetes|asthma|pneumonia|epilepsy|depression)\b", re.IGNORECASE)),
    (MEDICINE, "GENERIC_NAME", re.compile(r"\b(?:insulin|metformin|ibuprofen|warfarin)\b", re.IGNORECASE)),
)


class ComprehendMedicalBackend(BaseBackend):
    """Comprehend Medical in one account and Region."""

    @operation()
    def detect_entities_v2(self, text: str) -> dict[str, Any]:
        """Return the entities of a text in their order. Offsets count characters."""
        size = len(text.encode())
        if size > BYTES:
            raise TextSizeLimitExceededException(f"Input text size exceeds {BYTES} bytes: {size} bytes.")
        found = sorted(
            (match.span(), category, kind, match[0])
            for category, kind, pattern in PATTERNS
            for match in pattern.finditer(text)
        )
        entities = [
            {
                "Id": number,
                "BeginOffset": begin,
                "EndOffset": end,
                "Score": 0.99,
                "Text": words,
                "Category": category,
                "Type": kind,
                "Traits": [],
            }
            for number, ((begin, end), category, kind, words) in enumerate(found)
        ]
        return {"Entities": entities, "ModelVersion": "local"}


comprehendmedical_backends = BackendDict(ComprehendMedicalBackend, "comprehendmedical")
