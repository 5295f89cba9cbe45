#!/bin/sh
# A phase of the project's build: puts the versions of the Swift packages that Xcode resolved among the
# app's resources, so that a benchmark tells which ExecuTorch it ran. Without packages there are none.
set -eu
resolved="$PROJECT_FILE_PATH/project.xcworkspace/xcshareddata/swiftpm/Package.resolved"
target="$TARGET_BUILD_DIR/$UNLOCALIZED_RESOURCES_FOLDER_PATH/Package.resolved"
rm -f "$target"
if [ -f "$resolved" ]; then cp "$resolved" "$target"; fi
