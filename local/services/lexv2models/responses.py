"""Operations of Lex V2's two APIs, from the backend's `@operation` methods."""

from typing import Any

from local.services.base import Response

from .exceptions import ValidationException
from .models import LexModelsV2Backend, lexv2models_backends
from .runtime import LexRuntimeV2Backend


class ModelsResponse(Response, backend_class=LexModelsV2Backend):
    """The models API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="lexv2-models")

    @property
    def backend(self) -> LexModelsV2Backend:
        """Return the bots of the request's account and Region."""
        return lexv2models_backends[self.current_account][self.region]


class RuntimeResponse(Response, backend_class=LexRuntimeV2Backend):
    """The runtime API."""

    invalid_input = ValidationException

    def __init__(self) -> None:
        super().__init__(service_name="lexv2-runtime")

    @property
    def backend(self) -> LexRuntimeV2Backend:
        """Return the conversations with those bots."""
        return LexRuntimeV2Backend(lexv2models_backends[self.current_account][self.region])


class LexResponse:
    """Both APIs at one address: sessions belong to the runtime, everything else to the models."""

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request."""
        answers = RuntimeResponse if "/sessions/" in request.path else ModelsResponse
        return answers.dispatch(request, full_url, headers)
