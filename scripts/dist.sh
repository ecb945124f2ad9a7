#!/bin/sh
# Packs the program with the console inside, without its debug symbols: a tar.xz for any system with the same libraries,
# and a Debian package. The date of everything in them is that of the last commit (SOURCE_DATE_EPOCH).
set -eu
export LC_ALL=C
version=$(sed -nE 's/^project\(papilio VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
program=build/release/dist/papilio
# Whoever passes packages on puts their own name here.
maintainer=${MAINTAINER:-Papilio <papilio@example.com>}
papers="README.md CHANGELOG.md docs/ops.md"

put() { install -D -m "$3" "$1" "$2"; }
manual() {
    sed "s/@VERSION@/$version/; s/@DATE@/$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)/" package/papilio.1 | gzip -9n
}

# --- tar.xz ------------------------------------------------------------------------------------
name=papilio-$version-linux-$(uname -m)
tree=build/$name
rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/share/man/man1"
strip -o "$tree/bin/papilio" "$program"
manual >"$tree/share/man/man1/papilio.1.gz"
for paper in LICENSE $papers; do
    put "$paper" "$tree/${paper##*/}" 644
done
tar -C build --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cJf "$tree.tar.xz" "$name"
rm -rf "$tree"
ls -l "$tree.tar.xz"

# --- .deb --------------------------------------------------------------------------------------
command -v dpkg-shlibdeps >/dev/null || { echo "dist: no dpkg-dev, so no .deb" >&2; exit 0; }
arch=$(dpkg --print-architecture)
tree=build/deb
doc=$tree/usr/share/doc/papilio
rm -rf "$tree"
mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/usr/share/man/man1" "$doc"
strip -o "$tree/usr/bin/papilio" "$program"
manual >"$tree/usr/share/man/man1/papilio.1.gz"
put package/papilio.service "$tree/lib/systemd/system/papilio.service" 644
put package/papilio.conf "$tree/etc/papilio/papilio.conf" 644
put package/copyright "$doc/copyright" 644
put docs/ops.md "$doc/ops.md" 644
gzip -9n <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
gzip -9n >"$doc/changelog.gz" <<END
papilio ($version) stable; urgency=medium

  * What changed: CHANGELOG.md.gz, beside this file.

 -- $maintainer  $(date -uR -d "@$SOURCE_DATE_EPOCH")
END
for script in postinst prerm postrm; do
    put package/$script "$tree/DEBIAN/$script" 755
done
echo /etc/papilio/papilio.conf >"$tree/DEBIAN/conffiles"

mkdir -p build/shlibs/debian
printf 'Source: papilio\nPackage: papilio\nArchitecture: any\n' >build/shlibs/debian/control
libraries=$(cd build/shlibs && dpkg-shlibdeps -O "../deb/usr/bin/papilio" | sed 's/^shlibs:Depends=//')
rm -rf build/shlibs
cat >"$tree/DEBIAN/control" <<END
Package: papilio
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$tree" | cut -f 1)
Depends: $libraries, adduser, tzdata
Recommends: ca-certificates
Suggests: nginx | caddy
Section: web
Priority: optional
Description: private-domain operations platform in one program
 Papilio serves the console of a brand's team: customers with their orders and
 events, channels, imports, and the figures that show where the loop leaks.
 .
 One process, one data folder, no other server. It listens on loopback; put
 nginx or Caddy in front for TLS.
END
(cd "$tree" && find . -type f -not -path './DEBIAN/*' -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)
chmod -R u=rwX,go=rX "$tree"
dpkg-deb --root-owner-group -Zxz --build "$tree" "build/papilio_${version}_$arch.deb" >/dev/null
rm -rf "$tree"
ls -l "build/papilio_${version}_$arch.deb"
