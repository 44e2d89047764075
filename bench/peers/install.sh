#!/usr/bin/env bash
# Installs what peers measures kith against, where it is missing: Debian's packages.
set -euo pipefail

packages=(gcc g++ libc6-dev libzmq3-dev libnng-dev libboost-dev libiceoryx-posh-dev iceoryx)

missing=()
for package in "${packages[@]}"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi
