"""A demo bundle's way into an app's project."""

from __future__ import annotations

import shutil
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.apps.bundle_files import GOLDEN_NAME, LABELS_NAME, MARKS, README, copy
from fbdeploy.apps.bundle_reading import read_bundle
from fbdeploy.records.bundle_schema import (
    CONFIG_NAME,
    FOLDER_NAME,
)
from zoo.errors import InputError
from zoo.files import atomic_folder, is_file, is_folder

ANDROID_FORMATS = tuple(i.name for i in FORMAT_INFO.values() if "android" in i.apps)

IOS_FORMATS = tuple(i.name for i in FORMAT_INFO.values() if "ios" in i.apps)


def install_bundle(bundle: Path, app: Path) -> Path:
    """Copy a bundle into an app's project, without the models the app cannot run.

    Args:
        bundle: the bundle, or an output folder that holds one.
        app: ``android_demo`` or ``ios_demo``, or a copy of one.

    Returns:
        The folder inside the app, replaced if there was one.

    Raises:
        InputError: not a bundle, not one of the apps, or no model of it runs in the app.
    """
    read = read_bundle(bundle)
    if is_file(app / "settings.gradle.kts"):
        target, formats = app / "app/src/main/assets" / FOLDER_NAME, ANDROID_FORMATS
    elif is_folder(app / "Demo.xcodeproj"):
        target, formats = app / FOLDER_NAME, IOS_FORMATS
    else:
        raise InputError(
            f"{app}: is neither android_demo nor ios_demo; give the folder with "
            "settings.gradle.kts or Demo.xcodeproj"
        )
    models = tuple(model for model in read.config.models if model.format in formats)
    if not models:
        raise InputError(
            f"{bundle}: holds no model for {app.name}; deploy with --formats {','.join(formats)}"
        )
    kept = {model.id for model in models}
    images = tuple(
        image.model_copy(
            update={"outputs": tuple(out for out in image.outputs if out.model in kept)}
        )
        for image in read.golden.images
    )
    config = read.config.model_copy(update={"models": models})
    golden = read.golden.model_copy(update={"images": images})
    with atomic_folder(target, MARKS) as temporary:
        temporary.mkdir()
        for model in models:
            (temporary / model.file).parent.mkdir(parents=True, exist_ok=True)
            copy(read.folder / model.file, temporary / model.file)
        shutil.copyfile(read.folder / LABELS_NAME, temporary / LABELS_NAME)
        if (target / README).exists():
            shutil.copyfile(target / README, temporary / README)
        (temporary / CONFIG_NAME).write_text(config.model_dump_json(indent=1) + "\n")
        (temporary / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True) + "\n")
    return target
