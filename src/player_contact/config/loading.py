"""Configs from YAML files: one extends another, and `--set` wins over the file."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml import YAMLError

from player_contact.config.settings import Config
from player_contact.utils.errors import ConfigError


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config of a YAML file, what it extends, and `section.key=value` overrides.

    An override wins over the file, the file over the one it extends, that one over the defaults.
    Raises ConfigError: no such file, not YAML, an unknown key (with the nearest known one), a wrong
    type or range (with the file or override that states it), files that extend each other.
    """
    path = Path(path)
    sources = _with_parents(path, ())
    for text in overrides:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                f"--set {text!r}: expected section.key=value, such as vision.clip_length=8"
            )
        try:
            sources.pop(f"--set {text}", None)  # the last one wins, also where it comes twice
            sources[f"--set {text}"] = OmegaConf.from_dotlist([text])
            OmegaConf.merge(*sources.values())
        except (OmegaConfBaseException, YAMLError) as error:
            raise ConfigError(f"--set {text!r}: {_first_line(error)}") from None
    merged = OmegaConf.merge(*sources.values())
    try:
        return Config.model_validate(OmegaConf.to_container(merged, resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path.name}: {_first_line(error)}") from None
    except ValidationError as errors:
        first = errors.errors()[0]
        raise ConfigError(f"{_source_of(first, sources)}: {_sentence(first)}") from None


def save_config(config: Config, path: Path) -> None:
    """Writes the resolved whole, so that a result can be traced and repeated."""
    OmegaConf.save(OmegaConf.create(config.model_dump(mode="json")), path)


def _with_parents(path: Path, seen: tuple[Path, ...]) -> dict[Path | str, DictConfig]:
    """Path -> what a config and those that it extends state, each before what extends it."""
    path = path.resolve()
    if path in seen:
        through = ", ".join(parent.name for parent in seen)
        raise ConfigError(f"{path.name} extends itself through {through}")
    if not path.is_file():
        others = ", ".join(sorted(other.name for other in path.parent.glob("*.yaml")))
        hint = f"; that folder has {others}" if others else ". Name one such as configs/demo.yaml"
        raise ConfigError(f"There is no config {path}{hint}")
    try:
        config = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not YAML: {_first_line(error)}") from None
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path.name} must hold `key: value` lines")
    parent = config.pop("extends", None)
    if parent is None:
        return {path: config}
    sources = _with_parents(path.parent / str(parent), (*seen, path))
    try:
        OmegaConf.merge(*sources.values(), config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path.name} does not fit {parent}: {_first_line(error)}") from None
    return sources | {path: config}


def _source_of(error: ErrorDetails, sources: dict[Path | str, DictConfig]) -> str:
    """The last source that states a wrong value; all of the command line where it is several."""
    names = {key: key.name if isinstance(key, Path) else key for key in sources}
    settings = [key for key in sources if isinstance(key, str)]
    whole = " ".join([[names[key] for key in sources if key not in settings][-1], *settings])
    if error["type"] == "value_error":
        return whole
    stated = [
        names[key] for key in sources if _stated(sources[key], error["loc"]) == error["input"]
    ]
    members = [names[key] for key in sources if _stated(sources[key], ("vision", "members"))]
    return (stated or members or [whole])[-1]


def _stated(source: DictConfig, keys: Sequence[str | int]) -> Any:
    """The value of a key, or None; keys that lead into a single value stand for that one."""
    value: Any = OmegaConf.to_container(source)
    for key in keys:
        if isinstance(value, dict):
            value = value.get(str(key))
        elif isinstance(value, list):
            value = value[key] if isinstance(key, int) and key < len(value) else None
    return value


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "value_error":  # a sentence of our own
        return str(error["ctx"]["error"])
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = _known_keys(Config)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
        return f"unknown key {key!r}. {hint}"
    return f"{key!r} is {error['input']!r}: {error['msg'].lower()}"


def _known_keys(section: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
