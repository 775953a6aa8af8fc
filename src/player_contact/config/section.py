"""The base of every part of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
