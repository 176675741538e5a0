#!/usr/bin/env bash
# Programs that some tests drive and pip cannot bring: a browser, and Chinese fonts for it. Installs them from Debian where
# it may (root and apt); elsewhere those tests skip, say so, and are counted.
set -u
command -v chromium >/dev/null 2>&1 && fc-list 2>/dev/null | grep -qi 'cjk' && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo 'installing chromium and fonts for the browser tests'
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk) >/dev/null 2>&1 ||
    echo 'could not install them: the browser tests will skip'
else
  echo 'chromium is not installed and may not be: the browser tests will skip'
fi
exit 0
