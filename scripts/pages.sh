#!/bin/sh
# The console's files as a C file for the program: pages.sh FOLDER OUT.c
# Each text file comes with the forms beside it (.br, .gz); forms the console's build left out are made by the system's
# own brotli and gzip. Sorted by path and without times or absolute paths, so the same files give the same program.
set -eu
export LC_ALL=C
folder=$1 out=$2
forms=$out.d
rm -rf "$forms"
mkdir -p "$forms"

# PATH NUMBER [ENDING]: a form of a file, under a name the assembler reads
plain() { cp "$folder$1" "$forms/$2"; }
packed() {
    if [ -e "$folder$1.$3" ]; then
        cp "$folder$1.$3" "$forms/$2.$3"
    elif [ "$(stat -c %s "$folder$1")" -ge 512 ]; then
        case $1.$3 in
        *.js.gz | *.css.gz | *.html.gz | *.svg.gz) gzip -9n <"$folder$1" >"$forms/$2.$3" ;;
        *.js.br | *.css.br | *.html.br | *.svg.br)
            command -v brotli >/dev/null && brotli -q 11 -c "$folder$1" >"$forms/$2.$3"
            ;;
        esac
    fi
}

bytes() { printf '    ".balign 16\\npage_%s:\\n.incbin \\"%s\\"\\n"\n' "$2" "$1"; }
text() { printf '{page_%s, %s}' "$1" "$2"; }

number=0
: >"$forms/asm" >"$forms/names" >"$forms/rows"
(cd "$folder" && find . -type f -not -path '*/.*' -not -name '*.br' -not -name '*.gz' -printf '/%P\n') | sort >"$forms/list"
while read -r path; do
    plain "$path" "$number"
    row="{\"$path\", \"$(sha256sum <"$folder$path" | cut -c 1-32)\""
    for form in "" .gz .br; do
        [ -z "$form" ] || packed "$path" "$number" "${form#.}" || true
        file=$forms/$number$form
        if [ -e "$file" ]; then
            name=${number}_${form#.}
            bytes "$file" "$name" >>"$forms/asm"
            echo "extern const char page_$name[] __attribute__((visibility(\"hidden\")));" >>"$forms/names"
            row="$row, $(text "$name" "$(stat -c %s "$file")")"
        else
            row="$row, {0}"
        fi
    done
    echo "    $row}," >>"$forms/rows"
    number=$((number + 1))
done <"$forms/list"
[ "$number" -gt 0 ] || { echo "pages: $folder is empty" >&2; exit 1; }

{
    echo "/* Made by scripts/pages.sh. */"
    echo '#include "command/command.h"'
    echo
    printf '%s\n' '__asm__(".section .rodata\n"'
    cat "$forms/asm"
    printf '%s\n' '    ".previous\n");'
    cat "$forms/names"
    echo
    echo "const struct http_page command_pages[] = {"
    cat "$forms/rows"
    echo "};"
    echo "const int command_page_count = $number;"
} >"$out"
