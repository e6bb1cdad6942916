"""What every section of a definition has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A table of a definition: frozen, no unknown key, and no "3" or true where 3 is meant."""

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
