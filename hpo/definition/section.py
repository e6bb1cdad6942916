"""The base class of the sections of a definition."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A table of a definition: frozen, without unknown keys, and strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, content: Any) -> Any:
        # Pydantic's own message for an extra key does not say which ones are allowed.
        for key in content if isinstance(content, dict) else ():
            if key not in cls.model_fields:
                raise ValueError(
                    f'unknown key "{key}"; allowed here: {", ".join(cls.model_fields)}'
                )
        return content
