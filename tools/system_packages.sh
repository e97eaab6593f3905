#!/bin/sh
# Installs what the tests need from Debian: a browser, fonts and Node. Says what is missing where it may not install.
set -eu
missing=""
bare=""  # without what Debian recommends beside them: for npm that is a compiler
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing="$missing fonts-noto-cjk fontconfig"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v node >/dev/null 2>&1 || bare="$bare nodejs"
command -v npm >/dev/null 2>&1 || bare="$bare npm"
[ -n "$missing$bare" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq
  # shellcheck disable=SC2086  # lists of names
  [ -z "$missing" ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
  # shellcheck disable=SC2086
  [ -z "$bare" ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $bare >/dev/null
else
  echo "Please install:$missing$bare (Debian: sudo apt-get install$missing$bare)" >&2
  exit 1
fi
