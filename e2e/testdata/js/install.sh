# Installs the pinned SDK for JavaScript below a cache folder, once, and prints
# the folder to run scripts in.
# usage: sh install.sh CACHE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1/js-$(sha256sum "$here/package-lock.json" | cut -c1-16)
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/done" ]; then
	cp "$here/package.json" "$here/package-lock.json" "$dir"
	(cd "$dir" && timeout 60 npm ci --fetch-retries 1 --ignore-scripts --no-audit --no-fund) >&2
	touch "$dir/done"
fi
cp -u "$here"/*.mjs "$dir"
echo "$dir"
