#!/bin/sh
# Packs what an operator needs: the program without its debug symbols, the console, the licence and the papers.
set -eu
version=$(sed -nE 's/^project\(papilio VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
name=papilio-$version-linux-$(uname -m)
rm -rf "build/$name"
mkdir -p "build/$name/bin" "build/$name/share/papilio"
strip -o "build/$name/bin/papilio" build/release/papilio
[ ! -d build/web/admin ] || cp -R build/web/admin "build/$name/share/papilio/web"
for paper in LICENSE README.md CHANGELOG.md docs/ops.md; do
    [ ! -e "$paper" ] || cp "$paper" "build/$name/"
done
tar -C build --sort=name --owner=0 --group=0 --numeric-owner -cJf "build/$name.tar.xz" "$name"
rm -rf "build/$name"
ls -l "build/$name.tar.xz"
