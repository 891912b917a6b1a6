#!/usr/bin/env bash
# Download the functions' packages from the release of the modules, and check them against the release's checksums.
set -euo pipefail
cd "$(dirname "$0")"

release="@RELEASE@"
packages=(
@PACKAGES@
)

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
get() { curl --fail --silent --show-error --location --retry 3 --output "$work/$1" "$release/$1"; }
sum() { if command -v sha256sum > /dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

get SHA256SUMS
for package in "${packages[@]}"; do
  asset="${package//\//-}.zip" # posture/finding_export is posture-finding_export.zip in the release
  expected="$(awk -v name="$asset" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")"
  [ -n "$expected" ] || { echo "packages.sh: $release/SHA256SUMS has no $asset" >&2; exit 1; }
  get "$asset"
  [ "$(sum "$work/$asset")" = "$expected" ] || { echo "packages.sh: $asset is not what SHA256SUMS says" >&2; exit 1; }
  mkdir -p "build/$(dirname "$package")"
  mv "$work/$asset" "build/$package.zip"
  echo "build/$package.zip"
done
