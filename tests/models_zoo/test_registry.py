"""The registry is torch-free, complete and documented; settings are parsed strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import models_zoo
from models_zoo import (
    ConfigError,
    MethodInfo,
    UnknownMethod,
    config_fields,
    config_to_json,
    get_method,
    list_acquisitions,
    list_encoders,
    list_interactive,
    list_methods,
    list_refiners,
    parse_config,
)

README = Path(models_zoo.__file__).with_name("README.md")


def test_importing_and_listing_loads_no_torch() -> None:
    code = (
        "import sys, models_zoo as m; m.list_methods(), m.list_encoders(), m.list_interactive(), "
        "m.list_acquisitions(), m.list_refiners(); m.parse_config(m.list_methods()[0], {}); "
        "print(sorted({'torch', 'cv2', 'scipy', 'django'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("info", list_methods(), ids=lambda info: info.name)
def test_every_method_is_documented_and_every_setting_explained(info: MethodInfo) -> None:
    assert f"`{info.name}`" in README.read_text()
    assert get_method(info.name) is info
    assert (info.accepts or not info.proposes) and info.title and info.summary
    for field in config_fields(info.config):
        assert field.help.endswith("."), field.name
        assert field.kind in ("bool", "choice") or (field.minimum is not None and field.maximum is not None)
        if field.kind in ("int", "float"):
            assert field.minimum is not None and field.maximum is not None
            assert field.minimum <= float(field.default) <= field.maximum


def test_other_plug_ins_are_documented() -> None:
    text = README.read_text()
    names = [info.name for info in list_encoders()]
    names += [info.name for info in list_interactive()]
    names += [info.name for info in list_acquisitions()]
    names += [info.name for info in list_refiners()]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_encoder_choices_are_the_registered_encoders() -> None:
    for info in list_methods():
        for field in config_fields(info.config):
            if field.name == "encoder":
                assert list(field.choices) == [encoder.name for encoder in list_encoders()]


def test_an_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(UnknownMethod, match="seeded_segmentation"):
        get_method("magic")


@pytest.mark.parametrize("info", list_methods(), ids=lambda info: info.name)
def test_settings_survive_json(info: MethodInfo) -> None:
    config = parse_config(info, {})
    assert parse_config(info, config_to_json(config)) == config


def test_form_strings_are_understood() -> None:
    config = config_to_json(parse_config(get_method("seeded_segmentation"), {"steps": "12", "crf_weight": "0.5"}))
    assert config["steps"] == 12
    assert config["crf_weight"] == 0.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", "1.5", "a whole number"),
        ("steps", "", "a whole number"),
        ("steps", True, "a whole number"),
        ("steps", "9" * 400, "a whole number"),
        ("crf_weight", "nan", "a number"),
        ("crf_weight", [1], "a number"),
        ("crf_weight", -0.1, "between 0 and 5"),
        ("encoder", "vgg", "one of"),
        ("encoder", ["resnet18"], "one of"),
        ("colour", 1, "is not a setting"),
    ],
)
def test_bad_values_are_refused_by_field(name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(get_method("seeded_segmentation"), {name: value, "image_size": 1})
    assert message in caught.value.errors[name]
    assert "between 64 and 1024" in caught.value.errors["image_size"]
